//! `[alerting]`: who is told what.

use std::time::Duration;

use super::gateway::join_asset_item;
use super::nearest::did_you_mean;
use super::node::Value;
use super::section::Section;
use super::types::{AlertingConfig, Route};
use crate::alerting::AlarmKind;
use crate::model::{AssetPath, Role, Severity};

const CLEAR_AFTER_DEFAULT: Duration = Duration::from_secs(10);
const CLEAR_AFTER_MAX: Duration = Duration::from_hours(1);

/// Reads `[alerting]`; the assets of routes stand below `gateway`.
pub(super) fn read_alerting(section: Section<'_>, gateway: Option<&AssetPath>) -> AlertingConfig {
    let routes = section
        .tables("route")
        .into_iter()
        .enumerate()
        .map(|(index, table)| {
            let label = format!("alerting.route {}: ", index + 1);
            read_route(Section::new(section.faults(), table, label), gateway)
        })
        .collect();
    let default_roles = read_roles(&section, "default_roles");
    let clear_after = section.duration("clear_after", &(Duration::ZERO..=CLEAR_AFTER_MAX));
    section.finish();
    AlertingConfig {
        routes,
        default_roles: default_roles
            .unwrap_or_else(|| Role::parse("operator").into_iter().collect()),
        clear_after: clear_after.unwrap_or(CLEAR_AFTER_DEFAULT),
    }
}

fn read_route(section: Section<'_>, gateway: Option<&AssetPath>) -> Route {
    if !section.has("roles") {
        section.missing("roles", "allowed: a list as [\"maintenance\"]");
    }
    let kinds = section.list("kinds", |value| {
        let name = text(value)?;
        AlarmKind::from_name(name).ok_or_else(|| {
            let names = || AlarmKind::ALL.iter().map(|kind| kind.as_str());
            let hint = did_you_mean(name, names());
            let allowed: Vec<&str> = names().collect();
            format!(
                "is not an alarm kind; allowed: {}{hint}",
                allowed.join(", ")
            )
        })
    });
    let assets = section.list("assets", |value| join_asset_item(value, gateway));
    let severities = Severity::ALL.map(|severity| (severity.as_str(), severity));
    let min_severity = section.choice("min_severity", "a severity", &severities);
    let route = Route {
        kinds: kinds.unwrap_or_default(),
        assets: assets.unwrap_or_default(),
        min_severity: min_severity.unwrap_or(Severity::Low),
        roles: read_roles(&section, "roles").unwrap_or_default(),
    };
    section.finish();
    route
}

fn read_roles(section: &Section<'_>, key: &'static str) -> Option<Vec<Role>> {
    let before = section.faults().count();
    let roles = section.list(key, |value| {
        Role::parse(text(value)?).map_err(|error| format!("is no role: {error}"))
    })?;
    if roles.is_empty() && section.faults().count() == before {
        section.fault(key, "names nobody; allowed: at least one role");
    }
    Some(roles)
}

fn text(value: &Value) -> Result<&str, String> {
    value
        .text()
        .ok_or_else(|| format!("is {}; allowed: text in quotes", value.kind()))
}
