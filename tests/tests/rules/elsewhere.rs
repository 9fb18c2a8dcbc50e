//! A release that comes from elsewhere must be one that a recipe could have made.

use lavoir_core::release::{BuildContext, ContextFile, FileTemplate, Image, MountSource, Release};
use lavoir_tests::shapes::{full_with_dump, part};

type Change = fn(&mut Release);

fn whole() -> Release {
    full_with_dump("notebook", 1, "blog.example.org")
}

fn file(mode: u32) -> FileTemplate {
    FileTemplate {
        template: "x".into(),
        mode,
        uid: 0,
        gid: 0,
    }
}

#[test]
fn what_no_recipe_could_ask_for_is_not_taken() {
    assert!(whole().is_whole());
    let hostile: &[(&str, Change)] = &[
        ("a file of the machine", |r| {
            r.files.insert("/etc/cron.d/x".into(), file(0o644));
        }),
        ("a file above", |r| {
            r.files.insert("../../x".into(), file(0o644));
        }),
        ("a file without a name", |r| {
            r.files.insert(String::new(), file(0o644));
        }),
        ("a file with the rights of its owner", |r| {
            r.files.insert("x".into(), file(0o4755));
        }),
        ("a mount of the machine", |r| {
            let web = r.services.get_mut(&part("web")).unwrap();
            web.mounts[0].source = MountSource::File("/".into());
        }),
        ("a mount of another volume", |r| {
            let web = r.services.get_mut(&part("web")).unwrap();
            web.mounts[0].source = MountSource::Volume(part("other"));
        }),
        ("a path that is none", |r| {
            let web = r.services.get_mut(&part("web")).unwrap();
            web.mounts[0].path = "/../x".into();
        }),
        ("a capability", |r| {
            let web = r.services.get_mut(&part("web")).unwrap();
            web.cap_add.push("SYS_ADMIN".into());
        }),
        ("a secret for everybody", |r| {
            let db = r.services.get_mut(&part("db")).unwrap();
            db.secrets[0].mode = 0o777;
        }),
        ("no limit of memory", |r| {
            r.services.get_mut(&part("web")).unwrap().memory_bytes = 0;
        }),
        ("an image that may change", |r| {
            let web = r.services.get_mut(&part("web")).unwrap();
            web.image = Image::Pulled {
                reference: "example.org/web:latest".into(),
            };
        }),
        ("a context above", |r| {
            let text = ContextFile {
                text: String::new(),
                executable: false,
            };
            let files = [("../x".to_owned(), text)].into();
            r.contexts.insert("image".into(), BuildContext { files });
        }),
        ("a dump that is none", |r| {
            r.databases.get_mut(&part("main")).unwrap().dump.clear();
        }),
        ("a hook in nothing", |r| r.hooks[0].service = part("other")),
        ("nothing at all", |r| r.services.clear()),
    ];
    for (what, change) in hostile {
        let mut release = whole();
        change(&mut release);
        assert!(!release.is_whole(), "{what} was taken");
    }
}
