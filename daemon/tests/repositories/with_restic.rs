//! What we write, restic checks and restores; what restic writes, we put back.

use lavoir::ports::{ListedKind, Repositories as _};
use tokio::io::AsyncReadExt as _;

use crate::house;
use crate::moment::Still;
use crate::rig::{HOST, Rig, content, noise};

#[tokio::test(flavor = "multi_thread")]
async fn what_we_write_restic_restores_and_so_do_we() {
    let rig = Rig::new().await;
    let house = rig.path("house");
    house::build(&house, 3_000, 300 * 1024 * 1024);
    let dump = noise(9, 3_000_000);
    let still = Still::with_dump("/dumps/main", Box::pin(std::io::Cursor::new(dump.clone())));
    let taken = rig
        .save_with(content(&house), std::sync::Arc::new(still))
        .await
        .unwrap();
    rig.restic_is_content();

    let target = rig.path("by restic");
    let id = taken.snapshot.as_str();
    rig.restic(&["restore", id, "--target", target.to_str().unwrap()]);
    house::assert_same_to_restic(&house, &target.join("data/files"));
    assert!(std::fs::read(target.join("dumps/main")).unwrap() == dump);
    assert_eq!(
        std::fs::read(target.join("lavoir.json")).unwrap(),
        b"{\"format\":1}"
    );

    let ours = rig.put_back(&taken.snapshot, "by us").await;
    house::assert_same(&house, &ours);
    assert!(house::taken(&ours.join("sparse")) < 1024 * 1024);
    // Once more over what is there, with something amiss and something too many.
    std::fs::write(ours.join("a/b/big"), noise(5, 4_000_000)).unwrap();
    std::fs::write(ours.join("a/too many"), b"x").unwrap();
    std::fs::remove_dir_all(ours.join("many/07")).unwrap();
    std::fs::remove_file(ours.join("link")).unwrap();
    std::fs::create_dir(ours.join("link")).unwrap();
    rig.put_back(&taken.snapshot, "by us").await;
    house::assert_same(&house, &ours);

    let snapshots = rig.snapshots().await;
    assert_eq!(snapshots.len(), 1);
    assert_eq!(snapshots[0].host, HOST);
    assert_eq!(snapshots[0].tags, ["app=notes", "lavoir"]);
    assert_eq!(snapshots[0].files, Some(taken.files));
    assert_eq!(snapshots[0].bytes, Some(taken.bytes));

    let at = rig.at();
    let root = rig
        .repositories
        .list(&at, &taken.snapshot, "/", 0, 10)
        .await
        .unwrap();
    let names: Vec<_> = root.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["data", "dumps", "lavoir.json"]);
    let some = rig
        .repositories
        .list(&at, &taken.snapshot, "/data/files/a", 2, 2)
        .await
        .unwrap();
    let names: Vec<_> = some
        .iter()
        .map(|entry| (entry.name.as_str(), entry.kind))
        .collect();
    assert_eq!(
        names,
        [("b", ListedKind::Folder), ("second name", ListedKind::File)]
    );
    for (path, expected) in [("/dumps/main", dump), ("/data/files/empty", Vec::new())] {
        let mut read = Vec::new();
        let mut stream = rig
            .repositories
            .read(&at, &taken.snapshot, path)
            .await
            .unwrap();
        stream.read_to_end(&mut read).await.unwrap();
        assert!(read == expected);
    }
    for path in ["/data/files/a", "/data/nothing", "/data/files/empty/x"] {
        let refused = rig.repositories.read(&at, &taken.snapshot, path).await;
        assert_eq!(refused.err().unwrap().message.code, "snapshot-no-path");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_restic_writes_we_put_back() {
    let rig = Rig::bare();
    let house = rig.path("house");
    house::build(&house, 100, 33 * 1024 * 1024);
    rig.restic(&["init", "--repository-version", "2"]);
    rig.repositories.make(&rig.at()).await.unwrap();
    rig.restic(&["backup", "--host", HOST, house.to_str().unwrap()]);
    let snapshots = rig.snapshots().await;
    assert_eq!(snapshots.len(), 1);
    let into = rig.path("ours");
    std::fs::create_dir(&into).unwrap();
    let folder = house.to_str().unwrap();
    rig.repositories
        .put_back(&rig.at(), &snapshots[0].id, folder, &into, &|_| {})
        .await
        .unwrap();
    house::assert_same_to_restic(&house, &into);
    // Both write into it, in turn.
    let second = rig.save(&house).await.unwrap();
    rig.restic_is_content();
    let again = rig.put_back(&second.snapshot, "again").await;
    house::assert_same(&house, &again);
    assert_eq!(
        rig.restic(&["snapshots", "--json"])
            .matches("\"short_id\"")
            .count(),
        2
    );
}
