//! What a user of WordPress does: signs in, publishes a post, and a visitor reads it.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use lavoir_tests::appliance::{Appliance, DOMAIN};
use serde_json::Value;

/// A post that was published.
pub struct Post {
    path: String,
}

/// The blog's address.
pub fn host() -> String {
    format!("blog.{DOMAIN}")
}

/// Signs in as the first administrator and publishes.
pub fn publish_a_post(appliance: &Appliance) -> Result<Post> {
    let install = appliance.get(&host(), "/wp-admin/install.php")?;
    ensure!(
        !install.body.contains("admin_password"),
        "the open installation page can be reached"
    );
    let jar = appliance
        .scratch()
        .join("blog.cookies")
        .display()
        .to_string();
    let cookies = ["--cookie", &jar, "--cookie-jar", &jar];
    appliance
        .ask(&host(), "/wp-login.php", &cookies)?
        .expect(200)?;
    let password = appliance
        .state()
        .join("apps/blog/secrets/admin_password")
        .display()
        .to_string();
    let password = format!("pwd@{password}");
    let form = [
        "--data-urlencode",
        "log=camille",
        "--data-urlencode",
        &password,
        "--data",
        "testcookie=1",
    ];
    let signed_in = appliance.ask(&host(), "/wp-login.php", &[&cookies[..], &form].concat())?;
    ensure!(signed_in.status == 302, "signing in: {}", signed_in.status);
    let nonce = appliance
        .ask(
            &host(),
            "/wp-admin/admin-ajax.php?action=rest-nonce",
            &cookies,
        )?
        .expect(200)?;
    let post = r#"{"title":"Fête du vélo","content":"<p>Samedi, place du lavoir.</p>","status":"publish"}"#;
    let nonce = format!("X-WP-Nonce: {nonce}");
    let request = [
        "--header",
        &nonce,
        "--header",
        "Content-Type: application/json",
        "--data",
        post,
    ];
    let made = appliance
        .ask(
            &host(),
            "/wp-json/wp/v2/posts",
            &[&cookies[..], &request].concat(),
        )?
        .expect(201)?;
    let made: Value = serde_json::from_str(&made)?;
    let link = made["link"].as_str().context("the post has no address")?;
    let (_, path) = link
        .split_once(&host())
        .context("the post's address is another one")?;
    // WordPress knows its own name without the port of this test's gateway.
    Ok(Post {
        path: path.to_owned(),
    })
}

/// Reads the post back as a visitor.
pub fn read_back(appliance: &Appliance, post: &Post) -> Result<()> {
    let page = appliance.get(&host(), &post.path)?.expect(200)?;
    ensure!(
        page.contains("Samedi, place du lavoir."),
        "the post is gone"
    );
    let _ = fs::remove_file(appliance.scratch().join("blog.cookies"));
    Ok(())
}
