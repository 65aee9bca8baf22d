//! The simulated plant of a measurement and the gateway configuration that matches it.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use hal_sim::{FragmentOptions, Scenario, Sim, gateway_config_fragment_with};

use crate::{Fault, tag_lists};

/// Of the first user of every OPC UA server in the scenarios.
const PASSWORD: &str = "andon-test";

/// A running plant.
pub(crate) struct Plant {
    pub(crate) sim: Sim,
    pub(crate) tags: u64,
}

impl Plant {
    /// Starts a scenario given as text.
    pub(crate) fn start(dir: &Path, scenario: &str) -> Result<Self, Fault> {
        std::fs::create_dir_all(dir)?;
        let file = dir.join("scenario.toml");
        std::fs::write(&file, scenario)?;
        Self::load(&file)
    }

    /// Starts a scenario file.
    pub(crate) fn load(file: &Path) -> Result<Self, Fault> {
        let scenario = Scenario::load(file)?;
        let tags = scenario.signals().count() as u64;
        Ok(Self {
            sim: Sim::start(scenario)?,
            tags,
        })
    }

    /// Writes the gateway's configuration and returns its file.
    pub(crate) fn configure(
        &self,
        dir: &Path,
        mut options: FragmentOptions,
    ) -> Result<PathBuf, Fault> {
        std::fs::create_dir_all(dir)?;
        let password = dir.join("password");
        std::fs::write(&password, PASSWORD)?;
        std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600))?;
        options.password_file = Some(password);
        let broker = self.broker()?;
        let mut text =
            String::from("[gateway]\nid = \"bench\"\nasset = \"acme/berlin/bench/line1\"\n");
        writeln!(
            text,
            "data_dir = \"data\"\n\n[mqtt]\nurl = \"mqtt://{broker}\""
        )?;
        // The embedded broker cannot pass what version 5 adds on to this subscriber, which speaks the older one.
        writeln!(text, "version = \"3.1.1\"")?;
        writeln!(
            text,
            "payload = \"postcard\"\nmax_in_flight = 256\n\n[log]\nlevel = \"warn\"\n"
        )?;
        text += &gateway_config_fragment_with(self.sim.scenario(), self.sim.endpoints(), &options);
        let text = tag_lists::split(dir, &text)?;
        let file = dir.join("gateway.toml");
        std::fs::write(&file, text)?;
        Ok(file)
    }

    /// Where the broker listens.
    pub(crate) fn broker(&self) -> Result<std::net::SocketAddr, Fault> {
        let broker = self.sim.endpoints().mqtt;
        broker.ok_or_else(|| "the scenario has no broker".into())
    }
}

/// Modbus listeners with units of `signals` tags each, one machine per unit, and a broker.
pub(crate) fn modbus_plant(tick: &str, listeners: u32, units: u32, signals: u32) -> String {
    let mut text = format!("seed = 7\ntick = \"{tick}\"\n\n[mqtt]\n");
    for number in 1..=listeners {
        let block = format!(
            "\n[[modbus]]\nname = \"plc{number}\"\n\n[[bulk]]\nprefix = \"cell{number}-\"\nmachines = {units}\n\
             signals = {signals}\nserver = \"plc{number}\"\ntypes = [\"i16\", \"u16\"]\ndetect = true\n"
        );
        text += &block;
    }
    text
}
