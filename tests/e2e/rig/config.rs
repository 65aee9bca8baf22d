//! The gateway's configuration for a simulated plant.

use std::net::SocketAddr;
use std::path::Path;

use hal_sim::{FragmentOptions, Sim, gateway_config_fragment_with};

/// What differs between tests.
#[derive(Debug)]
pub(crate) struct Config {
    /// What is asked of every tag.
    pub(crate) options: FragmentOptions,
    /// Keys of `[buffer]`.
    pub(crate) buffer: String,
    /// Further tables.
    pub(crate) more: String,
    /// Texts to put in the place of others, in order.
    pub(crate) replace: Vec<(String, String)>,
    broker: SocketAddr,
}

impl Config {
    pub(super) const fn new(broker: SocketAddr, options: FragmentOptions) -> Self {
        Self {
            options,
            buffer: String::new(),
            more: String::new(),
            replace: Vec::new(),
            broker,
        }
    }

    /// Puts `to` in the place of every `from`.
    pub(crate) fn replace(&mut self, from: impl Into<String>, to: impl Into<String>) {
        self.replace.push((from.into(), to.into()));
    }

    pub(super) fn render(&self, sim: &Sim, data_dir: &Path) -> String {
        let devices = gateway_config_fragment_with(sim.scenario(), sim.endpoints(), &self.options);
        let (broker, buffer, more) = (self.broker, &self.buffer, &self.more);
        let data_dir = data_dir.display();
        let text = format!(
            r#"
[gateway]
id = "gw1"
asset = "acme/hall"
data_dir = "{data_dir}"

[buffer]
commit_interval = "50ms"
segment_bytes = "1MiB"
{buffer}

[mqtt]
url = "mqtt://{broker}"
health_interval = "5s"

[alerting]
default_roles = ["operator"]
clear_after = "200ms"

[[alerting.route]]
kinds = ["device_down", "bad_sensor", "misconfigured", "storage"]
roles = ["maintenance"]

{more}

{devices}
"#
        );
        let replace = self.replace.iter();
        replace.fold(text, |text, (from, to)| text.replace(from, to))
    }
}
