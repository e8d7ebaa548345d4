//! The same shop on PostgreSQL and Redis: confirmed orders on one node and on two, one SKU that everybody wants, and products
//! out of Redis. Each run has a schema of its own, so that none of them finds what another left.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::postgres::Postgres;
use super::reach::Reach;
use super::redis::Redis;
use super::run::{Run, medians};
use super::table::{CLUSTER_ONE_SKU, CLUSTER_ORDERS, CLUSTER_READS, CLUSTER_TWO_NODES, Cells};
use super::{Bench, Error, io, load, shop, single, text, wrk};
use crate::process;
use crate::test::server::Server;

/// At least so much of what pgbench does on the same server, and at most so slow.
const PGBENCH_REACH: f64 = 0.8;
const P99_REACH_MS: f64 = 60.0;
/// Two nodes against one; one SKU over two nodes against many.
const TWO_NODES_REACH: f64 = 0.8;
const ONE_SKU_REACH: f64 = 0.5;
const READS_REACH: f64 = 10_000.0;
/// More than a node has at hand, read in turns, so that none of them is found there.
const PRODUCTS: u64 = 10_000;
/// The last product of the sample shop, and how long one may take to be made.
const SAMPLE: &str = "/api/products/sejak-green-tea";
const OPENED_WITHIN: Duration = Duration::from_secs(30);
/// Of the nodes of a shop that is thrown away.
const MASTER_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";

/// A PostgreSQL, a Redis, and shops on them.
struct Engines<'a> {
    bench: &'a Bench,
    postgres: Postgres,
    redis: Redis,
    shops: usize,
}

impl Engines<'_> {
    /// The settings of a new, empty shop.
    fn new_shop(&mut self, with_redis: bool) -> Result<PathBuf, Error> {
        self.shops += 1;
        let folder = self.bench.fresh("cluster")?;
        let key = folder.join("key");
        fs::write(&key, MASTER_KEY).map_err(io("cannot write a key"))?;
        let redis = if with_redis { format!("[redis]\nurl = \"{}\"\n", self.redis.url()) } else { String::new() };
        let settings = format!(
            "media = \"{media}\"\nmaster_key_file = \"{key}\"\n[store]\nengine = \"postgres\"\n\
             [postgres]\nurl = \"{url}\"\nschema = \"shop_{nth}\"\n{redis}",
            media = folder.join("media").display(),
            key = key.display(),
            url = self.postgres.url(),
            nth = self.shops,
        );
        let file = folder.join("cloudmart.toml");
        fs::write(&file, settings).map_err(io("cannot write settings"))?;
        Ok(file)
    }

    fn nodes(&self, settings: &Path, count: usize) -> Result<Vec<Server>, Error> {
        let folder = settings.parent().unwrap_or(settings);
        let file = settings.to_string_lossy();
        let node = |nth| shop::start_as(self.bench, &folder.join(format!("node-{nth}")), &["--config", &file]);
        let nodes: Vec<Server> = (0..count).map(node).collect::<Result<_, _>>()?;
        let has_opened = || shop::get(nodes[0].address, SAMPLE).is_ok_and(|(status, _)| status == 200);
        match process::wait_until(OPENED_WITHIN, has_opened) {
            true => Ok(nodes),
            false => Err(Error::Refused { path: SAMPLE.to_owned(), status: 404 }),
        }
    }

    /// Orders on a new shop of so many nodes.
    fn orders(&mut self, nodes: usize, skus: &str) -> Result<Run, Error> {
        let settings = self.new_shop(nodes > 1)?;
        let nodes = self.nodes(&settings, nodes)?;
        let others: Vec<String> = nodes[1..].iter().map(|node| format!("--also=http://{}", node.address)).collect();
        let mut arguments = vec!["checkout", "--concurrency", "64", "--skus", skus];
        arguments.extend(others.iter().map(String::as_str));
        let run = load::run(self.bench, nodes[0].address, &arguments, "order")?;
        nodes.into_iter().try_for_each(Server::stop)?;
        Ok(run)
    }
}

pub fn orders(bench: &Bench) -> Result<Vec<Cells>, Error> {
    let mut engines = engines(bench)?;
    let (mut one, mut theirs, mut two, mut hot) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.runs {
        one.push(engines.orders(1, "50")?);
        theirs.push(engines.postgres.bench(bench)?);
        two.push(engines.orders(2, "50")?);
        hot.push(engines.orders(2, "1")?);
    }
    let (one, theirs, two, hot) = (medians(&one), medians(&theirs), medians(&two), medians(&hot));
    let first = beside(CLUSTER_ORDERS, one, ("pgbench", theirs), PGBENCH_REACH);
    Ok(vec![
        Cells {
            beside: format!("{}, p99 {}", first.beside, text::ms(theirs.p99_ms)),
            reach: first.reach.and_durable(one.p99_ms <= P99_REACH_MS),
            ..first
        },
        beside(CLUSTER_TWO_NODES, two, ("one node", one), TWO_NODES_REACH),
        beside(CLUSTER_ONE_SKU, hot, ("over 50 SKUs", two), ONE_SKU_REACH),
    ])
}

fn beside(figure: &'static str, ours: Run, (name, theirs): (&str, Run), reach: f64) -> Cells {
    Cells {
        ratio: text::ratio(ours.per_second, theirs.per_second),
        beside: format!("{name} {}", text::whole(theirs.per_second)),
        reach: Reach::ratio(ours.per_second >= reach * theirs.per_second),
        ..Cells::of_run(figure, ours)
    }
}

/// Products that one node finished, read on another that has none of them at hand.
pub fn reads(bench: &Bench) -> Result<Vec<Cells>, Error> {
    let mut engines = engines(bench)?;
    let settings = engines.new_shop(true)?;
    let nodes = engines.nodes(&settings, 2)?;
    let file = single::products(bench, PRODUCTS.div_ceil(bench.shrink))?;
    single::import_at(bench, nodes[0].address, &file)?;
    let script = settings.with_file_name("in-turns.lua");
    fs::write(&script, in_turns(&slugs(&file)?)).map_err(io("cannot write wrk's script"))?;
    let run = |node: &Server| wrk::run_script(bench, &format!("http://{}", node.address), &script, &bench.folder);
    run(&nodes[0])?;
    let runs = (0..bench.runs).map(|_| run(&nodes[1])).collect::<Result<Vec<_>, _>>()?;
    nodes.into_iter().try_for_each(Server::stop)?;
    let run = medians(&runs);
    Ok(vec![Cells {
        reach: Reach::absolute(run.per_second >= READS_REACH),
        note: format!("{} products in turns, 64 connections", text::whole(PRODUCTS as f64)),
        ..Cells::of_run(CLUSTER_READS, run)
    }])
}

fn engines(bench: &Bench) -> Result<Engines<'_>, Error> {
    Ok(Engines { bench, postgres: Postgres::start(bench)?, redis: Redis::start(bench)?, shops: 0 })
}

/// The slugs in a file of products: its first column, on the first row of each.
fn slugs(file: &Path) -> Result<Vec<String>, Error> {
    let text = fs::read_to_string(file).map_err(io(format!("cannot read {}", file.display())))?;
    let mut slugs: Vec<String> =
        text.lines().skip(1).filter_map(|line| line.split(',').next()).map(str::to_owned).collect();
    slugs.dedup();
    Ok(slugs)
}

/// For wrk: each request for the next one.
fn in_turns(slugs: &[String]) -> String {
    let listed: String = slugs.iter().map(|slug| format!("  \"{slug}\",\n")).collect();
    format!(
        "local slugs = {{\n{listed}}}\nlocal turn = 0\nfunction request()\n  turn = turn % #slugs + 1\n  \
         return wrk.format(\"GET\", \"/api/products/\" .. slugs[turn])\nend\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_product_has_its_turn() {
        let folder = std::env::temp_dir();
        let file = folder.join(format!("cloudmart-slugs-{}", std::process::id()));
        fs::write(&file, "Handle,Title\ngreen-tea,Tea\ngreen-tea,\nblack-tea,Tea\n").unwrap();
        let slugs = slugs(&file).unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!(slugs, ["green-tea", "black-tea"]);
        assert!(in_turns(&slugs).starts_with("local slugs = {\n  \"green-tea\",\n  \"black-tea\",\n}\n"));
    }
}
