//! What settings promise: every key is documented and has a variable, all that is wrong is told at once, no secret is shown.
//! How a shop is started with them is tested with the shop.

use std::collections::BTreeSet;
use std::path::Path;

use super::engines::PostgresTls;
use super::keys::Keys;
use super::layers::Layers;
use super::*;

/// A file of settings, and the environment beside it.
fn load(file: &str, variables: &[(&str, &str)]) -> Loaded {
    load_with(file, variables, Serve::default())
}

fn load_with(file: &str, variables: &[(&str, &str)], options: Serve) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.toml");
    std::fs::write(&path, file).unwrap();
    Serve { config: Some(path), ..options }.load(&said(variables))
}

fn said(variables: &[(&str, &str)]) -> Variables {
    Variables::of(variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())))
}

/// What is told, each without the folder's name.
fn told(loaded: &Loaded) -> Vec<String> {
    let told = |problem: &Problem| {
        let text = problem.to_string();
        text.find("shop.toml").map_or(text.clone(), |at| text[at..].to_owned())
    };
    loaded.problems.iter().map(told).collect()
}

#[test]
fn the_reference_says_every_key_with_its_default() {
    let read: Config = toml::from_str(REFERENCE).unwrap();
    assert_eq!(read, Config::default());
    // The fields as `Debug` lists them: four spaces deep, or eight within a section.
    let debug = format!("{:#?}", Config::default());
    let mut section = String::new();
    let mut fields = BTreeSet::new();
    for line in debug.lines() {
        let deep = line.len() - line.trim_start().len();
        let Some((name, rest)) = line.trim_start().split_once(": ") else { continue };
        match (deep, rest.ends_with('{')) {
            (4, true) => section = format!("{name}."),
            (4, false) => _ = fields.insert(name.to_owned()),
            (8, _) => _ = fields.insert(format!("{section}{name}")),
            _ => panic!("a section in a section: {line}"),
        }
    }
    let documented: BTreeSet<String> = Keys::of_reference().iter().map(|key| key.path.clone()).collect();
    assert_eq!(documented, fields);
}

#[test]
fn every_key_has_a_variable() {
    let keys = Keys::of_reference();
    let mut names = BTreeSet::from(variables::SECRETS.map(ToOwned::to_owned));
    names.insert(variables::FILE.to_owned());
    for key in keys.iter() {
        assert!(names.insert(key.variable()), "{} has a name of its own", key.variable());
        let other = match (&*key.path, &key.default) {
            ("listen", _) => "127.0.0.1:9".to_owned(),
            ("sample_shop" | "mail.tls", _) => "none".to_owned(),
            ("log_format", _) => "json".to_owned(),
            ("store.engine", _) => "postgres".to_owned(),
            ("mail.transport", _) => "smtp".to_owned(),
            ("postgres.tls" | "redis.tls", _) => "verify-full".to_owned(),
            ("http.trusted_proxies", _) => "10.0.0.1, 10.0.0.2".to_owned(),
            (_, Value::Integer(number)) => (number + 1).to_string(),
            (_, Value::Boolean(is_so)) => (!is_so).to_string(),
            (_, Value::Array(_)) => "one,two".to_owned(),
            _ => "other".to_owned(),
        };
        let said = said(&[(&key.variable(), &other)]);
        let layers = Layers::read(&keys, None, &said);
        assert_eq!(layers.problems, [], "{}", key.path);
        assert_ne!(layers.config, Config::default(), "{} changes nothing", key.path);
        assert_eq!(layers.origin(&key.path), Origin::Environment(key.variable()));
        // What a variable says, a file can say, too.
        let value = key.parse(&other).unwrap();
        assert_eq!(keys.settings([(&*key.path, &value)]).unwrap(), layers.config, "{}", key.path);
    }
}

#[test]
fn the_command_line_stands_above_the_environment_and_that_above_the_file() {
    let file = "listen = \"127.0.0.1:1\"\n\n[http]\nin_flight = 1\nconnections = 1\n";
    let variables = [("CLOUDMART_LISTEN", "127.0.0.1:2"), ("CLOUDMART_HTTP_IN_FLIGHT", "2"), ("CLOUDMART_DATA", "")];
    let options = Serve { listen: Some("127.0.0.1:3".parse().unwrap()), ..Serve::default() };
    let loaded = load_with(file, &variables, options);
    let config = &loaded.config;
    assert_eq!(told(&loaded), [""; 0]);
    assert_eq!((config.listen.port(), config.http.in_flight, config.http.connections), (3, 2, 1));
    assert_eq!(config.data, Path::new("./data"), "an empty variable says nothing");
    let shown = show::effective(&loaded);
    for line in [
        "listen = \"127.0.0.1:3\"  # --listen",
        "in_flight = 2  # CLOUDMART_HTTP_IN_FLIGHT",
        "data = \"./data\"  # default",
        "# CLOUDMART_MASTER_KEY: not set",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
    }
    assert!(shown.contains("shop.toml:5\n"), "{shown}");
    // What is shown is a file that means the same.
    assert_eq!(toml::from_str::<Config>(&shown).unwrap(), loaded.config);
}

#[test]
fn the_environment_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.toml");
    std::fs::write(&path, "log_level = \"debug\"\n").unwrap();
    let loaded = Serve::default().load(&said(&[("CLOUDMART_CONFIG", path.to_str().unwrap())]));
    assert_eq!(loaded.config.log_level, "debug");
    let loaded = Serve::default().load(&said(&[("CLOUDMART_CONFIG", "/nowhere/shop.toml")]));
    assert!(loaded.problems[0].to_string().contains("/nowhere/shop.toml cannot be read"));
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_its_place_and_what_would_be_right() {
    let file = "lisen = \"127.0.0.1:80\"\n\
                log_format = \"jsn\"\n\
                url = \"postgres://db\"\n\
                [postgers]\n\
                user = \"shop\"\n\
                [postgres]\n\
                connectons = 4\n\
                password = \"hush\"\n\
                wait_ms = \"soon\"\n\
                [http]\n\
                in_flight = -1\n\
                trusted_proxies = [\"proxy\"]\n\
                connections = 0\n";
    let variables = [
        ("CLOUDMART_HTTP_DRAIN_S", "long"),
        ("CLOUDMART_POSTGRES_ULR", "postgres://shop:hush@db"),
        ("CLOUDMART_SERVICE_HOST", "10.0.0.1"),
    ];
    let loaded = load(file, &variables);
    let told = told(&loaded);
    for wanted in [
        "shop.toml:1: error: lisen: there is no such key; did you mean listen?",
        "shop.toml:2: error: log_format: \"jsn\" is none of text, json; did you mean \"json\"?",
        "shop.toml:3: error: url: there is no such key; did you mean postgres.url or redis.url?",
        "shop.toml:4: error: postgers: there is no such key; did you mean postgres?",
        "shop.toml:7: error: postgres.connectons: there is no such key; did you mean postgres.connections?",
        "shop.toml:8: error: postgres.password: there is no such key; a secret does not stand here: give it a file of its \
         own, and name that by postgres.password_file",
        "shop.toml:9: error: postgres.wait_ms: a text does not fit; it must be a whole number, such as 2000",
        "shop.toml:13: error: http.connections: it must be above zero",
        "CLOUDMART_HTTP_DRAIN_S: error: http.drain_s: this does not fit; it must be a whole number, such as 30",
        "CLOUDMART_POSTGRES_ULR: warning: no setting has this name; did you mean CLOUDMART_POSTGRES_URL?",
    ] {
        assert!(told.iter().any(|line| line == wanted), "{wanted}\n{told:#?}");
    }
    for begin in ["shop.toml:11: error: http.in_flight: ", "shop.toml:12: error: http.trusted_proxies: "] {
        assert!(told.iter().any(|line| line.starts_with(begin)), "{begin}\n{told:#?}");
    }
    assert_eq!(told.len(), 12, "{told:#?}");
    let error = loaded.into_parts().unwrap_err().to_string();
    assert!(error.lines().count() > 10 && !error.contains("hush"), "{error}");
}

#[test]
fn what_is_not_toml_is_told_with_its_line() {
    let loaded = load("listen = \"127.0.0.1:80\"\nlog_level = \n[http\n", &[]);
    let told = told(&loaded);
    assert!(told[0].starts_with("shop.toml:2: error: this is not TOML"), "{told:#?}");
    assert!(loaded.into_parts().is_err());
    let twice = self::told(&load("log_level = \"info\"\nlog_level = \"warn\"\n", &[]));
    assert!(twice[0].starts_with("shop.toml:2: error: this is not TOML"), "{twice:#?}");
}

#[test]
fn values_with_which_nothing_works_are_refused() {
    for (file, wanted) in [
        ("[executor]\nqueue = 0", "executor.queue"),
        ("log_level = \"loud\"", "loud"),
        ("[redis]\nurl = \"redis://localhost\"\ntimeout_ms = 60000", "redis.timeout_ms"),
        ("[redis]\nurl = \"http://localhost\"", "redis://"),
        ("[http]\nnotice_s = 99999999", "http.notice_s: no stop should take so long; at most 3600 seconds"),
        ("[http]\ndrain_s = 3601", "http.drain_s"),
        ("[redis]\nurl = \"redis://localhost/shop\"", "a number"),
        ("[redis]\nprefix = \"\"", "redis.prefix"),
        ("[node]\nname = \"node one\"", "node.name"),
        ("[store]\nengine = \"postgres\"", "postgres.url"),
        ("[store]\nengine = \"postgres\"\n[postgres]\nurl = \"postgres://db\"", "postgres.user"),
        ("[store]\nengine = \"postgres\"\n[postgres]\nhosts = [\"db:x\"]\nuser = \"shop\"", "postgres.hosts"),
        (
            "[store]\nengine = \"postgres\"\n[postgres]\nurl = \"postgres://a@db\"\nreplicas = [\"d b\"]",
            "postgres.replicas",
        ),
        (
            "[store]\nengine = \"postgres\"\n[postgres]\nurl = \"postgres://a@db\"\nreplicas = [\"r\", \"r:5432\"]",
            "r:5432 is named twice",
        ),
        (
            "[store]\nengine = \"postgres\"\n[postgres]\nurl = \"postgres://a@db\"\nreplicas = [\"r\"]\nmax_lag_ms = 20",
            "postgres.max_lag_ms",
        ),
        ("[postgres]\nschema = \"pg_shop\"", "postgres.schema"),
        ("[postgres]\nschema = \"a; drop\"", "postgres.schema"),
        (
            "[store]\nengine = \"postgres\"\n[postgres]\nurl = \"postgres://a@localhost\"\ntls = \"verify-full\"\nca_file = \"/none\"",
            "/none",
        ),
        (
            "[store]\nengine = \"postgres\"\n[postgres]\nurl = \"postgres://a@localhost\"\ntls = \"verify-full\"",
            "postgres.ca_file",
        ),
        ("master_key_file = \"/none\"", "/none"),
    ] {
        let loaded = load(file, &[]);
        let told = told(&loaded);
        assert!(told.iter().any(|line| line.contains("error") && line.contains(wanted)), "{file}: {told:#?}");
        assert!(loaded.into_parts().is_err());
    }
}

#[test]
fn what_makes_no_sense_together_is_warned_of() {
    let cluster = "[store]\nengine = \"postgres\"\n[postgres]\nurl = \"postgres://shop:hush@db/mart\"\n";
    for (file, wanted) in [
        ("[postgres]\nconnections = 4".to_owned(), "postgres.connections: this changes nothing: store.engine is"),
        ("[redis]\ntimeout_ms = 4".to_owned(), "redis.timeout_ms: this changes nothing: redis.url is empty"),
        ("[redis]\nurl = \"redis://localhost\"".to_owned(), "redis.url: Redis shares what several nodes know"),
        ("media = \"/srv\"".to_owned(), "media: this changes nothing"),
        ("[mail]\nhost = \"mail.example\"".to_owned(), "mail.host: this changes nothing"),
        (cluster.to_owned(), "media: each node"),
        (cluster.to_owned(), "master_key_file: each node"),
        (cluster.to_owned(), "postgres.tls: what is said to db may travel"),
        (cluster.to_owned(), "postgres.url: its password can be read"),
        (format!("{cluster}hosts = [\"db\"]"), "postgres.hosts: this changes nothing"),
        (format!("{cluster}max_lag_ms = 500"), "postgres.max_lag_ms: this changes nothing: postgres.replicas is empty"),
        (format!("{cluster}[redis]\nurl = \"redis://cache\""), "redis.tls: what is said to cache may travel"),
    ] {
        let loaded = load(&file, &[]);
        let told = told(&loaded);
        assert!(told.iter().any(|line| line.contains("warning") && line.contains(wanted)), "{wanted}: {told:#?}");
        assert!(loaded.into_parts().is_ok(), "a warning keeps no shop closed: {told:#?}");
    }
}

#[test]
fn one_key_that_is_wrong_hides_no_other() {
    let file = "[store]\nengine = \"postgresql\"\n[postgres]\nurl = \"postgres://shop:hush@db:99999/mart\"\n\
                replicas = [\"db3:abc\", \"db4\", \"d b\"]\nmax_lag_ms = 20\ntls = \"verify-full\"\n";
    let told = told(&load(file, &[("CLOUDMART_MEDIA", "/srv")]));
    for wanted in [
        "shop.toml:2: error: store.engine: \"postgresql\" is none of sqlite, postgres; did you mean \"postgres\"?",
        "shop.toml:4: error: postgres.url: `db:99999` is not a host",
        "shop.toml:5: error: postgres.replicas: `db3:abc` is not a host",
        "shop.toml:5: error: postgres.replicas: `d b` is not a host",
        "shop.toml:6: error: postgres.max_lag_ms",
        "error: postgres.ca_file",
    ] {
        assert!(told.iter().any(|line| line.starts_with(wanted)), "{wanted}: {told:#?}");
    }
    assert!(!told.concat().contains("changes nothing") && !told.concat().contains("sqlite\""), "{told:#?}");
    let parts = "[store]\nengine = \"postgres\"\n[postgres]\nhosts = [\"db:x\"]\ndatabase = \"\"\n";
    let told = self::told(&load(parts, &[])).concat();
    for key in ["postgres.hosts", "postgres.user", "postgres.database"] {
        assert!(told.contains(&format!("error: {key}: ")), "{key}: {told}");
    }
    // Nobody said where it is, so nobody may have meant it.
    let told = self::told(&load("[store]\nengine = \"sqllite\"\n[postgres]\nconnections = 4\n", &[]));
    assert_eq!(told.len(), 1, "{told:#?}");
}

#[test]
fn what_files_and_variables_hold_must_be_what_it_is_for() {
    let folder = tempfile::tempdir().unwrap();
    let holding = |name: &str, text: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    };
    let (no_key, no_token) = (holding("key", "hush\n"), holding("token", "hush\n"));
    let no_pem = holding("ca.pem", "-----BEGIN PRIVATE KEY-----\naHVzaA==\n-----END PRIVATE KEY-----\n");
    let no_certificate = holding("der.pem", "-----BEGIN CERTIFICATE-----\naHVzaA==\n-----END CERTIFICATE-----\n");
    let file = format!(
        "master_key_file = {no_key:?}\nadmin_token_file = {no_token:?}\n[store]\nengine = \"postgres\"\n\
         [postgres]\nurl = \"postgres://a@db\"\ntls = \"verify-full\"\nca_file = {no_pem:?}\n\
         [redis]\nurl = \"rediss://cache\"\nca_file = {no_certificate:?}\n\
         [mail]\ntransport = \"smtp\"\nhost = \"mail.example\"\nca_file = {no_pem:?}\n",
    );
    let told = told(&load(&file, &[])).join("\n");
    for wanted in [
        format!("shop.toml:1: error: master_key_file: {}: this is not a key; it must be 64", no_key.display()),
        format!("shop.toml:2: error: admin_token_file: {}: the fixed API key is too short", no_token.display()),
        format!("shop.toml:8: error: postgres.ca_file: there is no certificate (PEM) in {}", no_pem.display()),
        format!("shop.toml:11: error: redis.ca_file: {} holds what is no certificate", no_certificate.display()),
        format!("shop.toml:15: error: mail.ca_file: there is no certificate (PEM) in {}", no_pem.display()),
    ] {
        assert!(told.contains(&wanted), "{wanted}: {told}");
    }
    // A variable stands above the file, and is looked at in its place.
    let key = "0123456789abcdef".repeat(4);
    let token = "0123456789abcdef";
    let (keys, wrong) = (format!("master_key_file = {no_key:?}\nadmin_token_file = {no_token:?}\n"), "hush");
    for (key, token, wanted) in [
        (&*key, token, ""),
        (wrong, token, "CLOUDMART_MASTER_KEY: error: this is not a key; it must be 64 hexadecimal digits"),
        (&key[1..], token, "CLOUDMART_MASTER_KEY: error: this is not a key; it must be 64 hexadecimal digits"),
        (&key, wrong, "CLOUDMART_ADMIN_TOKEN: error: the fixed API key is too short"),
        (&key, "0123456789 abcdef", "CLOUDMART_ADMIN_TOKEN: error: "),
    ] {
        let loaded = load(&keys, &[("CLOUDMART_MASTER_KEY", key), ("CLOUDMART_ADMIN_TOKEN", token)]);
        let told = self::told(&loaded).join("\n");
        assert!(told.starts_with(wanted) && !told.contains(wrong) && !told.contains(key), "{wanted}: {told}");
        assert_eq!(loaded.into_parts().is_ok(), wanted.is_empty());
    }
    // Other commands look at the shop all the same.
    let at = AtData { config: None, data: None };
    assert!(at.load(&said(&[("CLOUDMART_MASTER_KEY", wrong)])).is_ok());
}

#[test]
fn a_file_that_nobody_asks_for_need_not_be_there() {
    for (section, because) in [
        ("[mail]\n", "mail.transport is \"folder\""),
        ("[postgres]\n", "store.engine is \"sqlite\""),
        ("[redis]\n", "redis.url is empty"),
    ] {
        let loaded = load(&format!("{section}password_file = \"/none\"\n"), &[]);
        let told = told(&loaded);
        assert!(told.len() == 1 && told[0].contains("warning") && told[0].ends_with(because), "{told:#?}");
        assert!(loaded.into_parts().is_ok());
    }
}

#[test]
fn no_secret_is_ever_shown() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "hush-key\n").unwrap();
    let file = format!(
        "master_key_file = {:?}\n[store]\nengine = \"postgres\"\n[postgres]\nurl = \"postgres://shop:hush-url@db/mart\"\n\
         [redis]\nurl = \"redis://:hush-redis@cache\"\n",
        key
    );
    let variables = [("CLOUDMART_POSTGRES_PASSWORD", "hush-pg"), ("CLOUDMART_ADMIN_TOKEN", "hush-token")];
    let loaded = load(&file, &variables);
    assert_eq!(loaded.secrets.master_key.as_ref().map(Secret::expose), Some("hush-key"));
    let server = loaded.config.postgres.server(loaded.secrets.postgres_password.clone()).unwrap();
    assert_eq!(server.password.as_ref().map(Secret::expose), Some("hush-pg"), "a variable stands above the address");
    let redis = loaded.config.redis.server(None).unwrap().unwrap();
    assert_eq!(redis.password.as_ref().map(Secret::expose), Some("hush-redis"));
    let shown = show::effective(&loaded);
    assert!(shown.contains("url = \"postgres://shop:(set)@db/mart\""), "{shown}");
    assert!(shown.contains("# CLOUDMART_MASTER_KEY: (set)"), "{shown}");
    let everything = format!("{shown}{loaded:?}{loaded:#?}{server:?}{redis:?}{}", told(&loaded).concat());
    assert!(!everything.contains("hush"), "{everything}");
}

#[test]
fn mail_is_set_up_so_that_it_works_and_no_password_can_be_read_on_its_way() {
    let smtp = |host: &str, tls: &str, username: &str| {
        let file =
            format!("[mail]\ntransport = \"smtp\"\nhost = \"{host}\"\ntls = \"{tls}\"\nusername = \"{username}\"");
        load(&file, &[("CLOUDMART_SMTP_PASSWORD", "hush")])
    };
    assert!(told(&smtp("", "starttls", ""))[0].contains("mail.host"));
    assert!(told(&smtp("mail.example", "none", "shop"))[0].contains("mail.tls"));
    assert!(smtp("mail.example", "opportunistic", "shop").into_parts().is_err());
    for good in
        [smtp("mail.example", "starttls", "shop"), smtp("mail.example", "none", ""), smtp("127.0.0.1", "none", "shop")]
    {
        assert_eq!(told(&good), [""; 0]);
        assert_eq!(good.config.mail.password(&good.secrets).unwrap(), "hush");
    }
    assert!(Mail::default().password(&Secrets::default()).is_err());
    let unsaid = load("[mail]\ntransport = \"smtp\"\nhost = \"mail.example\"\nusername = \"shop\"", &[]);
    assert!(told(&unsaid)[0].contains("mail.username: it needs a password"));
}

#[test]
fn the_public_address_is_an_origin() {
    for (url, is_good) in [
        ("", true),
        ("https://shop.example", true),
        ("http://127.0.0.1:8080/", true),
        ("shop.example", false),
        ("https://", false),
        ("https://shop.example/path", false),
        ("https://shop.example'><b", false),
    ] {
        assert_eq!(load(&format!("public_url = \"{url}\""), &[]).into_parts().is_ok(), is_good, "{url}");
    }
}

#[test]
fn an_address_and_its_parts_come_to_the_same() {
    let one = load("[store]\nengine = \"postgres\"\n[postgres]\nurl = \"postgres://shop@db1,db2:6543/mart\"", &[]);
    let parts = "[store]\nengine = \"postgres\"\n[postgres]\nhosts = [\"db1\", \"db2:6543\"]\nuser = \"shop\"\ndatabase = \"mart\"";
    let other = load(parts, &[]);
    let server = |loaded: &Loaded| loaded.config.postgres.server(None).unwrap();
    assert_eq!(server(&one), server(&other));
    assert_eq!(one.config.postgres.tls, PostgresTls::Off);
    let short = load("[store]\nengine = \"postgres\"\n[postgres]\nurl = \"postgres://db\"\nuser = \"shop\"", &[]);
    assert_eq!(server(&short).database, "cloudmart");
}

/// The example says what is there, but for the files of its machine.
#[test]
fn the_example_of_a_cluster_is_right() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/cluster.toml");
    let options = Serve { config: Some(path), ..Serve::default() };
    let loaded = options.load(&Variables::default());
    for problem in &loaded.problems {
        assert!(problem.is_error() && problem.says.contains("/etc/cloudmart/"), "{problem}");
        assert!(problem.says.contains("cannot be read"), "{problem}");
    }
    let (config, word) = (&loaded.config, Some(Secret::new("hush")));
    assert_eq!(config.store.engine, Engine::Postgres);
    let server = config.postgres.server(word.clone()).unwrap();
    assert_eq!((server.hosts.len(), &*server.user), (2, "cloudmart"));
    assert!(config.redis.server(word).unwrap().unwrap().is_encrypted);
    assert_eq!(config.media_folder(), Path::new("/srv/cloudmart/media"));
}

#[test]
fn a_node_has_a_name() {
    assert!(Config::default().node.name().ends_with(&format!("-{}", std::process::id())));
    assert_eq!(load("[node]\nname = \"till-2\"", &[]).config.node.name(), "till-2");
}
