//! The system packages that tests need, installed when they are missing. It knows Debian's apt-get; elsewhere it says
//! what to install.

use std::process::Command;

use super::Part;
use crate::process;

struct Package {
    name: &'static str,
    /// Which part cannot run without it.
    part: Part,
    why: &'static str,
    is_there: fn() -> bool,
}

const PACKAGES: &[Package] = &[
    Package {
        name: "strace",
        part: Part::Unit,
        why: "the durability test watches when a commit is synced",
        is_there: || process::succeeds(Command::new("strace").arg("-V")),
    },
    Package {
        name: "python3-aiosmtpd",
        part: Part::Unit,
        why: "a real mail server for the shop's mail",
        is_there: || process::succeeds(Command::new("/usr/bin/python3").args(["-c", "import aiosmtpd"])),
    },
    Package {
        name: "redis-server",
        part: Part::Unit,
        why: "nodes share caches and rate limits in it, also when it is slow, full or gone",
        is_there: || process::succeeds(Command::new("redis-server").arg("--version")),
    },
    Package {
        name: "openssl",
        part: Part::Unit,
        why: "makes that mail server's certificate",
        is_there: || process::succeeds(Command::new("openssl").arg("version")),
    },
    Package {
        name: "postgresql",
        part: Part::Unit,
        why: "tests start servers of their own for shops of several nodes",
        is_there: has_postgres,
    },
    Package {
        name: "python3-venv",
        part: Part::Api,
        why: "schemathesis lives in an environment of its own",
        is_there: || process::succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"])),
    },
    Package {
        name: "chromium",
        part: Part::Browser,
        why: "the shop is looked at as people see it",
        is_there: || process::succeeds(Command::new("chromium").arg("--version")),
    },
    Package {
        name: "chromium-driver",
        part: Part::Browser,
        why: "tests drive the browser through chromedriver",
        is_there: || process::succeeds(Command::new("chromedriver").arg("--version")),
    },
    Package {
        name: "fontconfig",
        part: Part::Browser,
        why: "fc-list tells which fonts are there",
        is_there: || process::succeeds(Command::new("fc-list").arg("--version")),
    },
    Package {
        name: "fonts-nanum",
        part: Part::Browser,
        why: "the pages are looked at in Korean, too",
        is_there: has_korean_font,
    },
    Package {
        name: "nodejs",
        part: Part::Browser,
        why: "axe-core is fetched by npm, and Lighthouse runs on Node 18.16 or later",
        is_there: || process::succeeds(Command::new("node").args(["-e", IS_NODE_NEW_ENOUGH])),
    },
    Package {
        name: "npm",
        part: Part::Browser,
        why: "axe-core and Lighthouse are npm packages",
        is_there: || process::succeeds(Command::new("npm").arg("--version")),
    },
];

const IS_NODE_NEW_ENOUGH: &str = "const [major, minor] = process.versions.node.split('.').map(Number); \
    process.exit(major > 18 || (major === 18 && minor >= 16) ? 0 : 1)";

/// Debian keeps each version apart.
fn has_postgres() -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions
        .filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok_and(|version| version >= 15))
        .any(|entry| process::succeeds(Command::new(entry.path().join("bin/postgres")).arg("--version")))
}

fn has_korean_font() -> bool {
    let fonts = Command::new("fc-list").arg(":lang=ko").output();
    fonts.is_ok_and(|fonts| fonts.status.success() && !fonts.stdout.trim_ascii().is_empty())
}

/// What `cargo xtask bench` measures beside the shop; no test needs it.
struct Yardstick {
    name: &'static str,
    why: &'static str,
    is_there: fn() -> bool,
}

const YARDSTICKS: &[Yardstick] = &[
    Yardstick {
        name: "wrk",
        why: "asks shop and nginx in the same way",
        // It calls printing its version a failure.
        is_there: || process::succeeds(Command::new("sh").args(["-c", "command -v wrk"])),
    },
    Yardstick {
        name: "nginx-light",
        why: "serves the same bytes from a file",
        is_there: || process::succeeds(Command::new("nginx").arg("-v")),
    },
    Yardstick {
        name: "postgresql-15",
        why: "pgbench's TPC-B, durable as the shop's orders are",
        is_there: || process::succeeds(Command::new("/usr/lib/postgresql/15/bin/postgres").arg("--version")),
    },
    Yardstick {
        name: "redis-server",
        why: "the second cache level of a shop of several nodes",
        is_there: || process::succeeds(Command::new("redis-server").arg("--version")),
    },
];

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("missing: {names}; run `{by_hand}` as root, then try again")]
    MayNotInstall { names: String, by_hand: String },
    #[error("missing: {names}; there is no apt-get here, install them the way this system does")]
    NoInstaller { names: String },
    #[error("{0}\nthe packages could not be installed, twice; is Debian's package server reached?")]
    Install(process::Error),
    #[error("{names} was installed and still does not work; try it by hand")]
    StillMissing { names: String },
}

/// Whoever may install packages here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Installer {
    Root,
    Sudo,
    Nobody,
}

/// Makes sure that what the wanted parts need is there.
pub fn provide(wanted: impl Fn(Part) -> bool) -> Result<(), Error> {
    let missing = missing(&wanted);
    if missing.is_empty() {
        println!("    all there");
        return Ok(());
    }
    for package in &missing {
        println!("    missing: {} ({})", package.name, package.why);
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    install(&names)?;
    match self::missing(&wanted).as_slice() {
        [] => Ok(()),
        still => {
            Err(Error::StillMissing { names: still.iter().map(|package| package.name).collect::<Vec<_>>().join(", ") })
        }
    }
}

/// Makes sure that what the shop is measured beside is there.
pub fn provide_yardsticks() -> Result<(), Error> {
    let missing = || YARDSTICKS.iter().filter(|yardstick| !(yardstick.is_there)());
    let names: Vec<&str> = missing().map(|yardstick| yardstick.name).collect();
    if names.is_empty() {
        println!("    all there");
        return Ok(());
    }
    missing().for_each(|yardstick| println!("    missing: {} ({})", yardstick.name, yardstick.why));
    install(&names)?;
    let still: Vec<&str> = missing().map(|yardstick| yardstick.name).collect();
    if still.is_empty() { Ok(()) } else { Err(Error::StillMissing { names: still.join(", ") }) }
}

fn missing(wanted: &impl Fn(Part) -> bool) -> Vec<&'static Package> {
    PACKAGES.iter().filter(|package| wanted(package.part) && !(package.is_there)()).collect()
}

fn install(names: &[&str]) -> Result<(), Error> {
    if !process::succeeds(Command::new("apt-get").arg("--version")) {
        return Err(Error::NoInstaller { names: names.join(", ") });
    }
    let commands = commands(names, installer())?;
    twice(|| {
        commands.iter().try_for_each(|words| {
            process::run(Command::new(&words[0]).args(&words[1..]).env("DEBIAN_FRONTEND", "noninteractive"))
        })
    })
    .map_err(Error::Install)
}

fn installer() -> Installer {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if is_root {
        Installer::Root
    } else if process::succeeds(Command::new("sudo").args(["-n", "true"])) {
        Installer::Sudo
    } else {
        Installer::Nobody
    }
}

/// What to run, in order: a fresh machine knows no package until its list is updated.
fn commands(names: &[&str], installer: Installer) -> Result<Vec<Vec<String>>, Error> {
    let by_hand = format!("apt-get update && apt-get install -y --no-install-recommends {}", names.join(" "));
    let before: &[&str] = match installer {
        Installer::Root => &[],
        Installer::Sudo => &["sudo", "-n"],
        Installer::Nobody => {
            return Err(Error::MayNotInstall { names: names.join(", "), by_hand });
        }
    };
    Ok(by_hand
        .split(" && ")
        .map(|line| {
            let words = before.iter().copied().chain(line.split(' '));
            words.map(str::to_owned).collect()
        })
        .collect())
}

/// Package servers have bad moments; a second try is worth its time, a third is not.
pub fn twice<T, E: std::fmt::Display>(mut attempt: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    attempt().or_else(|error| {
        println!("    {error}\n    once more:");
        attempt()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_updates_the_list_before_it_installs() {
        let commands = commands(&["strace", "wrk"], Installer::Root).unwrap();
        assert_eq!(
            commands,
            [vec!["apt-get", "update"], vec!["apt-get", "install", "-y", "--no-install-recommends", "strace", "wrk"]]
        );
    }

    #[test]
    fn sudo_is_asked_without_a_prompt() {
        let commands = commands(&["strace"], Installer::Sudo).unwrap();
        assert!(commands.iter().all(|words| words[..2] == ["sudo", "-n"]));
    }

    #[test]
    fn who_may_not_install_is_told_the_exact_command() {
        let error = commands(&["strace"], Installer::Nobody).unwrap_err();
        assert!(
            error.to_string().contains("`apt-get update && apt-get install -y --no-install-recommends strace`"),
            "{error}"
        );
    }

    #[test]
    fn a_failure_is_tried_once_more_and_no_oftener() {
        let mut tries = 0;
        let outcome: Result<(), &str> = twice(|| {
            tries += 1;
            Err("down")
        });
        assert_eq!((outcome, tries), (Err("down"), 2));
    }

    #[test]
    fn parts_that_are_not_wanted_need_nothing() {
        assert!(missing(&|_| false).is_empty());
    }
}
