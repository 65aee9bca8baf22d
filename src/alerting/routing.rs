//! Who is told: every matching route adds its roles, in configured order.

use super::AlarmKind;
use crate::config::{AlertingConfig, Route};
use crate::model::{AssetPath, Role, Severity};

/// Routes with their assets joined to the gateway's.
#[derive(Debug, Clone)]
pub(super) struct Routing {
    routes: Vec<Route>,
    default_roles: Vec<Role>,
}

impl Routing {
    /// Prepares `config` for a gateway at `base`. A route's asset counts both as a path below the gateway's asset and
    /// as a whole path.
    pub(super) fn new(config: &AlertingConfig, base: &AssetPath) -> Self {
        let routes = config.routes.iter().map(|route| {
            let below = route.assets.iter().filter_map(|a| base.join(a).ok());
            Route {
                assets: below.chain(route.assets.iter().cloned()).collect(),
                ..route.clone()
            }
        });
        Self {
            routes: routes.collect(),
            default_roles: config.default_roles.clone(),
        }
    }

    /// The roles for an alarm, each once; the default roles when no route matches.
    pub(super) fn roles(
        &self,
        kind: AlarmKind,
        asset: &AssetPath,
        severity: Severity,
    ) -> Vec<String> {
        let matching = self.routes.iter().filter(|route| {
            (route.kinds.is_empty() || route.kinds.contains(&kind))
                && (route.assets.is_empty() || route.assets.iter().any(|a| asset.is_within(a)))
                && severity >= route.min_severity
        });
        let mut roles: Vec<String> = Vec::new();
        for role in matching.flat_map(|route| &route.roles) {
            if !roles.iter().any(|known| known == role.as_str()) {
                roles.push(role.as_str().to_owned());
            }
        }
        if roles.is_empty() {
            roles.extend(self.default_roles.iter().map(|r| r.as_str().to_owned()));
        }
        roles
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn path(text: &str) -> AssetPath {
        AssetPath::parse(text).unwrap()
    }

    fn roles(names: &[&str]) -> Vec<Role> {
        names.iter().map(|n| Role::parse(n).unwrap()).collect()
    }

    fn routing() -> Routing {
        let route = |kinds: &[AlarmKind], assets: &[&str], min_severity, names: &[&str]| Route {
            kinds: kinds.to_vec(),
            assets: assets.iter().map(|a| path(a)).collect(),
            min_severity,
            roles: roles(names),
        };
        let config = AlertingConfig {
            routes: vec![
                route(&[AlarmKind::ProcessShift], &[], Severity::Low, &["quality"]),
                route(&[], &["line1"], Severity::Low, &["operator", "quality"]),
                route(&[], &[], Severity::High, &["maintenance"]),
                route(&[], &["a/b/c/d/e/f/g"], Severity::Low, &["nobody"]),
            ],
            default_roles: roles(&["shift_lead"]),
            clear_after: Duration::from_secs(10),
        };
        Routing::new(&config, &path("acme/berlin"))
    }

    #[track_caller]
    fn check(kind: AlarmKind, asset: &str, severity: Severity, expected: &[&str]) {
        assert_eq!(routing().roles(kind, &path(asset), severity), expected);
    }

    #[test]
    fn every_matching_route_adds_its_roles_once() {
        use AlarmKind::{ProcessShift, Stuck};
        use Severity::{High, Low};
        check(ProcessShift, "acme/berlin/line2", Low, &["quality"]);
        check(
            ProcessShift,
            "acme/berlin/line1/press",
            Low,
            &["quality", "operator"],
        );
        check(Stuck, "acme/berlin/line1", Low, &["operator", "quality"]);
        check(Stuck, "acme/berlin/line10", Low, &["shift_lead"]);
        check(Stuck, "acme/berlin/line2", High, &["maintenance"]);
        check(Stuck, "acme/berlin", Low, &["shift_lead"]);
        check(Stuck, "a/b/c/d/e/f/g/h", Low, &["nobody"]);
    }
}
