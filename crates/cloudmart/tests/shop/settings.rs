//! Settings as an operator says them: in a file, by the environment, on the command line; checked before anything starts.

use testkit::mart::{Mart, Plan, run_to_its_end};

use crate::{CLOUDMART, PATIENCE};

#[tokio::test]
async fn settings_are_checked_before_anything_starts() {
    let mart = Mart::prepare(Plan::empty(CLOUDMART)).await;
    let file = mart.beside("shop.toml");
    let path = file.to_string_lossy().into_owned();
    let check = ["config", "check", "--config", &path];
    std::fs::write(&file, "[http]\nin_flight = 64\n").expect("settings");
    let told = mart.command(&check).await;
    assert!(told.status.success() && told.out.contains("All settings are right"), "{told}");
    std::fs::write(&file, "[http]\nin_fligth = 64\nconnections = 0\n[redis]\npassword = \"hush\"\n").expect("settings");
    let told = mart.command(&check).await;
    assert_eq!(told.status.code(), Some(1), "{told}");
    for wanted in [
        "shop.toml:2: error: http.in_fligth",
        "did you mean http.in_flight?",
        ":3: error: http.connections",
        ":5: error",
    ] {
        assert!(told.out.contains(wanted), "{wanted}: {told}");
    }
    let served = mart.command(&["serve", "--config", &path]).await;
    assert!(!served.status.success() && served.err.contains("did you mean http.in_flight?"), "{served}");
    assert!(!format!("{told}{served}").contains("hush"));
    // The reference is a file to begin with.
    let reference = mart.command(&["config", "reference"]).await;
    assert_eq!(reference.out, mart.command(&["config"]).await.out);
    std::fs::write(&file, &reference.out).expect("settings");
    let told = mart.command(&check).await;
    assert!(told.status.success(), "{told}");
}

/// Where the one says that a shop would start, the other starts it.
#[tokio::test]
async fn what_serve_refuses_the_check_refuses_too() {
    let mart = Mart::prepare(Plan::empty(CLOUDMART).alone()).await;
    let data = mart.data().to_string_lossy().into_owned();
    for (variable, text, wanted) in [
        ("CLOUDMART_MASTER_KEY", "hush", "CLOUDMART_MASTER_KEY: error: this is not a key"),
        ("CLOUDMART_ADMIN_TOKEN", "hush", "CLOUDMART_ADMIN_TOKEN: error: the fixed API key is too short"),
        ("CLOUDMART_HTTP_NOTICE_S", "99999999", "CLOUDMART_HTTP_NOTICE_S: error: http.notice_s: "),
    ] {
        for what in [&["config", "check"][..], &["serve", "--listen", "127.0.0.1:0"]] {
            let mut command = std::process::Command::new(CLOUDMART);
            command.args(what).args(["--data", &data]).env(variable, text);
            let told = run_to_its_end(command, PATIENCE).await;
            assert_eq!(told.status.code(), Some(1), "{told}");
            assert!(told.text().contains(wanted) && !told.text().contains("hush"), "{wanted}: {told}");
        }
    }
}

/// So that whoever reads the finding looks where the key is.
#[tokio::test]
async fn doctor_says_where_the_master_key_came_from() {
    let mut mart = Mart::open_as(Plan::empty(CLOUDMART).alone()).await;
    assert!(mart.terminate().await.success());
    let (data, key) = (mart.data().to_string_lossy().into_owned(), mart.beside("own.key"));
    let doctor = ["doctor", "--data", &data];
    assert!(mart.command(&doctor).await.out.contains("tried with master.key"));
    std::fs::rename(mart.data().join("master.key"), &key).expect("it is moved");
    let file = mart.beside("shop.toml");
    std::fs::write(&file, format!("master_key_file = {key:?}\n")).expect("settings");
    let told = mart.command(&[&doctor[..], &["--config", &file.to_string_lossy()]].concat()).await;
    let wanted = format!("tried with {} (master_key_file)", key.display());
    assert!(told.status.success() && told.out.contains(&wanted), "{told}");
    std::fs::write(&key, "no key").expect("it is spoilt");
    let told = mart.command(&[&doctor[..], &["--config", &file.to_string_lossy()]].concat()).await;
    let wanted = format!("{} (master_key_file) is not a key", key.display());
    assert!(!told.status.success() && told.out.contains(&wanted), "{told}");
}

#[tokio::test]
async fn what_is_in_force_is_shown_with_where_it_was_said() {
    let mart = Mart::prepare(Plan::empty(CLOUDMART)).await;
    let file = mart.beside("shop.toml");
    let text = "listen = \"127.0.0.1:1\"\n[redis]\nurl = \"redis://:hush-hush@127.0.0.1\"\n";
    std::fs::write(&file, text).expect("settings");
    let mut command = std::process::Command::new(CLOUDMART);
    command.args(["config", "show", "--data", "/srv/shop"]);
    command.env("CLOUDMART_CONFIG", &file).env("CLOUDMART_LISTEN", "127.0.0.1:2");
    let key = "0123456789abcdef".repeat(4);
    command.env("CLOUDMART_MASTER_KEY", &key).env("CLOUDMART_REDIS_TIMEOUT_MS", "20");
    let shown = run_to_its_end(command, PATIENCE).await;
    assert!(shown.status.success(), "{shown}");
    for line in [
        "data = \"/srv/shop\"  # --data",
        "listen = \"127.0.0.1:2\"  # CLOUDMART_LISTEN",
        "timeout_ms = 20  # CLOUDMART_REDIS_TIMEOUT_MS",
        "log_level = \"info\"  # default",
        "# CLOUDMART_MASTER_KEY: (set)",
        "# CLOUDMART_POSTGRES_PASSWORD: not set",
    ] {
        assert!(shown.out.lines().any(|shown| shown == line), "{line}: {shown}");
    }
    assert!(
        shown.out.contains("url = \"redis://:(set)@127.0.0.1\"  # ") && shown.out.contains("shop.toml:3"),
        "{shown}"
    );
    assert!(!shown.text().contains("hush") && !shown.text().contains(&key), "{shown}");
}
