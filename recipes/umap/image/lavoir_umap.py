"""What the box adds to uMap: its settings, the icons' address, the first administrator, the map backgrounds."""

import hashlib
import hmac
import json
import os
from pathlib import Path

UPLOADS = Path("/srv/umap/uploads")
# name, address, attribution, deepest zoom
BACKGROUNDS = {
    "osmfr": (
        "OpenStreetMap France",
        "https://{s}.tile.openstreetmap.fr/osmfr/{z}/{x}/{y}.png",
        "© [[https://www.openstreetmap.org/copyright|OpenStreetMap]], [[https://www.openstreetmap.fr|OpenStreetMap France]]",
        20,
    ),
    "osm": (
        "OpenStreetMap",
        "https://tile.openstreetmap.org/{z}/{x}/{y}.png",
        "© [[https://www.openstreetmap.org/copyright|OpenStreetMap]]",
        19,
    ),
    "cyclosm": (
        "CyclOSM",
        "https://{s}.tile-cyclosm.openstreetmap.fr/cyclosm/{z}/{x}/{y}.png",
        "© [[https://www.openstreetmap.org/copyright|OpenStreetMap]], [[https://www.cyclosm.org|CyclOSM]]",
        20,
    ),
}


def secret(name):
    return Path("/run/secrets", name).read_text().strip()


def centre(answer):
    """`43.29, 5.57` as latitude and longitude; the middle of France when it is anything else."""
    try:
        latitude, longitude = (float(part) for part in answer.replace(";", ",").split(","))
    except ValueError:
        return 46.6, 2.4
    inside = -85 <= latitude <= 85 and -180 <= longitude <= 180
    return (latitude, longitude) if inside else (46.6, 2.4)


def pictogram(request, path):
    """Icons that administrators added. Nothing else of the uploads is public: maps go by uMap's own rights."""
    from django.views.static import serve

    answer = serve(request, path, document_root=UPLOADS / "pictogram")
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
    return answer


def setup():
    import django

    django.setup()
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.db import transaction
    from umap.models import TileLayer

    password = secret("admin_password")
    # Under another key, so that the mark tells nothing to who reads the volume.
    mark = hmac.new(settings.SECRET_KEY.encode(), password.encode(), hashlib.sha256).hexdigest()
    note = UPLOADS / ".box.json"
    before = json.loads(note.read_text()) if note.exists() else {}

    with transaction.atomic():
        people = get_user_model().objects
        person = people.filter(username=settings.BOX_ADMIN).first()
        if person is None and not before:
            people.create_superuser(settings.BOX_ADMIN, settings.BOX_EMAIL, password)
        elif person is not None and before.get("password") not in (None, mark):
            # The box's password was renewed; one that the person chose is otherwise left alone.
            person.set_password(password)
            person.save()
        if person is not None and before.get("email") not in (None, settings.BOX_EMAIL):
            person.email = settings.BOX_EMAIL
            person.save()

        # Backgrounds are proposed once; what administrators did with them since stays.
        if not before:
            for rank, (key, (name, address, attribution, zoom)) in enumerate(BACKGROUNDS.items(), 10):
                TileLayer.objects.get_or_create(
                    name=name,
                    defaults={
                        "url_template": address, "attribution": attribution, "minZoom": 0, "maxZoom": zoom,
                        "rank": 1 if key == settings.BOX_BACKGROUND else rank,
                    },
                )
        elif before.get("background") != settings.BOX_BACKGROUND:
            for rank, (key, (name, *_)) in enumerate(BACKGROUNDS.items(), 10):
                TileLayer.objects.filter(name=name).update(rank=1 if key == settings.BOX_BACKGROUND else rank)

    new = note.with_suffix(".new")
    new.write_text(json.dumps({"password": mark, "email": settings.BOX_EMAIL, "background": settings.BOX_BACKGROUND}))
    os.replace(new, note)
    print("uMap is in step with its answers.")


if __name__ == "__main__":
    setup()
