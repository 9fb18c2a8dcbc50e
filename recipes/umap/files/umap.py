# Written by the box: changes made here by hand are lost.
from umap.settings import base

import lavoir_umap

SITE_NAME = {{ answers.title | python }}
SITE_URL = {{ app.url | python }}
# Only the gateway reaches this container, and it only passes this app's own address.
ALLOWED_HOSTS = ["*"]
CSRF_TRUSTED_ORIGINS = [SITE_URL]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECRET_KEY = lavoir_umap.secret("secret_key")

DATABASES = {
    "default": {
        "ENGINE": "django.contrib.gis.db.backends.postgis",
        "HOST": "db",
        "NAME": "umap",
        "USER": "umap",
        "PASSWORD": lavoir_umap.secret("db_password"),
    }
}
REALTIME_ENABLED = True
REDIS_URL = "redis://valkey:6379"

STATIC_ROOT = "/srv/umap/static"
MEDIA_ROOT = str(lavoir_umap.UPLOADS)
AJAX_PROXY_CACHE_DIR = "/tmp/proxy"
MIDDLEWARE = ["whitenoise.middleware.WhiteNoiseMiddleware", *base.MIDDLEWARE]
EXTRA_URL_PATTERNS = [("uploads/pictogram/<path:path>", "lavoir_umap.pictogram", "box_pictogram")]

ENABLE_ACCOUNT_LOGIN = True
UMAP_ALLOW_ANONYMOUS = {{ answers.anonymous | bool | python }}
LANGUAGE_CODE = {{ box.language | python }}
SITE_DESCRIPTION = "Cartes faites ensemble" if LANGUAGE_CODE == "fr" else "Maps made together"
TIME_ZONE = {{ box.timezone | python }}
LEAFLET_LATITUDE, LEAFLET_LONGITUDE = lavoir_umap.centre({{ answers.centre | python }})
LEAFLET_ZOOM = int({{ answers.zoom | python }})
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

# Read by `lavoir-umap setup`.
BOX_ADMIN = {{ answers.admin | python }}
BOX_EMAIL = {{ answers.email | python }}
BOX_BACKGROUND = {{ answers.background | python }}
