//! What context tags say: the announced mode, machine cycles, changes of setpoints, and times that mean nothing.

use crate::config::{Config, Context};
use crate::detection::{Bank, ContextId, ContextPlan, Finding, ModeId, Slot};
use crate::model::{Mono, Sample, TagId, Value};

/// Modes that a context tells apart; further ones share the last.
const MODES_MAX: usize = 1_000;

/// Listens to context tags and tells the bank.
#[derive(Debug)]
pub struct Announcements {
    contexts: Vec<Announced>,
    /// Which parts of which contexts a tag speaks for, by tag; mostly none.
    of: Vec<Vec<(ContextId, Part)>>,
}

/// What a tag speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// A part of the mode's name.
    Mode(usize),
    Setpoint(usize),
    Cycle,
    Quiet(usize),
}

/// What is known of one context.
#[derive(Debug)]
struct Announced {
    rules: Context,
    mode: Vec<Option<String>>,
    setpoints: Vec<Option<Value>>,
    cycle: Option<f64>,
    quiet: Vec<bool>,
    names: Vec<String>,
}

impl Announcements {
    /// Listens for the contexts of a configuration.
    pub fn new(config: &Config) -> Self {
        let mut of = vec![Vec::new(); config.tags.len()];
        for (id, context) in (0..).map(ContextId).zip(&config.contexts) {
            let mut note = |tag: TagId, part| {
                if let Some(parts) = of.get_mut(tag.index()) {
                    parts.push((id, part));
                }
            };
            for (index, tag) in context.mode.iter().enumerate() {
                note(*tag, Part::Mode(index));
            }
            for (index, tag) in context.setpoints.iter().enumerate() {
                note(*tag, Part::Setpoint(index));
            }
            for (index, quiet) in context.quiet.iter().enumerate() {
                note(quiet.tag, Part::Quiet(index));
            }
            if let Some(tag) = context.cycle {
                note(tag, Part::Cycle);
            }
        }
        Self {
            contexts: config.contexts.iter().map(Announced::new).collect(),
            of,
        }
    }

    /// Names of the modes of each context, in the order of their numbers.
    pub fn modes(&self) -> Vec<Vec<String>> {
        self.contexts
            .iter()
            .map(|context| context.names.clone())
            .collect()
    }

    /// The name of a mode of a context; empty where none was announced.
    pub fn mode_name(&self, context: usize, mode: ModeId) -> &str {
        let names = self.contexts.get(context).map(|context| &context.names);
        let index = usize::from(mode.0).checked_sub(1);
        let name = names.zip(index).and_then(|(names, index)| names.get(index));
        name.map_or("", String::as_str)
    }

    /// Takes over the modes of an earlier run, so that they keep their numbers.
    pub fn restore(&mut self, modes: Vec<Vec<String>>) {
        for (context, names) in self.contexts.iter_mut().zip(modes) {
            context.names = names;
        }
    }

    /// Which slots follow which context; `slot_of` is indexed by tag.
    pub fn plans(config: &Config, slot_of: &[Option<Slot>]) -> Vec<ContextPlan> {
        let mut plans: Vec<ContextPlan> = config
            .contexts
            .iter()
            .map(|context| ContextPlan {
                slots: Vec::new(),
                settle: context.settle,
            })
            .collect();
        for (tag, slot) in config.tags.iter().zip(slot_of) {
            let plan = config
                .context_of(tag)
                .and_then(|index| plans.get_mut(index));
            if let (Some(plan), Some(slot)) = (plan, slot) {
                plan.slots.push(*slot);
            }
        }
        plans
    }

    /// Takes a Good sample of any tag.
    pub fn observe(&mut self, sample: &Sample, at: Mono, bank: &mut Bank, out: &mut Vec<Finding>) {
        let Some(parts) = self.of.get(sample.tag.index()) else {
            return;
        };
        for (id, part) in parts {
            if let Some(context) = self.contexts.get_mut(usize::from(id.0)) {
                context.hear((*id, *part), (&sample.value, at), bank, out);
            }
        }
    }
}

impl Announced {
    fn new(rules: &Context) -> Self {
        Self {
            mode: vec![None; rules.mode.len()],
            setpoints: vec![None; rules.setpoints.len()],
            cycle: None,
            quiet: vec![false; rules.quiet.len()],
            names: Vec::new(),
            rules: rules.clone(),
        }
    }

    fn hear(
        &mut self,
        (id, part): (ContextId, Part),
        (value, at): (&Value, Mono),
        bank: &mut Bank,
        out: &mut Vec<Finding>,
    ) {
        match part {
            Part::Mode(index) => {
                if let Some(mode) = self.mode_after(index, value) {
                    bank.change_mode(id, mode, at, out);
                }
            }
            Part::Setpoint(index) => {
                let known = self.setpoints.get_mut(index);
                let before = known.and_then(|known| known.replace(value.clone()));
                if before.is_some_and(|before| before != *value) {
                    bank.unsettle(id, at, out);
                }
            }
            Part::Cycle => {
                let now = value.as_f64();
                let before = std::mem::replace(&mut self.cycle, now);
                if before.zip(now).is_some_and(|(before, now)| now > before) {
                    bank.begin_cycle(id, at);
                }
            }
            Part::Quiet(index) => {
                let text = words(value);
                let rule = self.rules.quiet.get(index);
                let holds = rule.is_some_and(|rule| rule.values.contains(&text));
                if let Some(state) = self.quiet.get_mut(index) {
                    *state = holds;
                }
                bank.set_quiet(id, self.quiet.contains(&true), at, out);
            }
        }
    }

    /// The mode once all of its parts are known, numbered in the order in which modes were first seen.
    fn mode_after(&mut self, index: usize, value: &Value) -> Option<ModeId> {
        if let Some(part) = self.mode.get_mut(index) {
            *part = Some(words(value));
        }
        let parts: Option<Vec<&str>> = self.mode.iter().map(Option::as_deref).collect();
        let name = parts?.join(" / ");
        let known = self.names.iter().position(|known| *known == name);
        let number = known.unwrap_or_else(|| {
            if self.names.len() < MODES_MAX {
                self.names.push(name);
            }
            self.names.len() - 1
        });
        u16::try_from(number + 1).ok().map(ModeId)
    }
}

/// A value as it is written in the configuration's lists.
fn words(value: &Value) -> String {
    match value {
        Value::Missing => String::new(),
        Value::Float(x) => format!("{x}"),
        Value::Int(n) => n.to_string(),
        Value::Bool(b) => b.to_string(),
        Value::Text(text) => text.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::{DetectionRules, Level, Profile, QuietWhen};
    use crate::detection::{Change, DayTime, Input, Model, design};
    use crate::model::{AssetPath, Quality, ShortText, Timestamp, Zone};
    use crate::pipeline::testing;

    const MODE: TagId = TagId(0);
    const SETPOINT: TagId = TagId(1);
    const CYCLE: TagId = TagId(2);
    const QUIET: TagId = TagId(3);
    const ORDER: TagId = TagId(4);
    const MEASURED: TagId = TagId(5);

    fn context() -> Context {
        Context {
            assets: Vec::new(),
            mode: vec![MODE],
            setpoints: vec![SETPOINT],
            cycle: Some(CYCLE),
            quiet: vec![QuietWhen {
                tag: QUIET,
                values: vec!["MAINT".to_owned(), "3".to_owned(), "true".to_owned()],
            }],
            settle: Duration::from_secs(30),
        }
    }

    fn config(contexts: Vec<Context>) -> Config {
        Config {
            contexts,
            ..testing::config(6)
        }
    }

    /// The measured tag, known and far off from the second sample on, while the plant announces things.
    struct Plant {
        announcements: Announcements,
        bank: Bank,
        at: Mono,
    }

    impl Plant {
        fn new(context: Context, profile: Profile) -> Self {
            let config = config(vec![context]);
            let rules = DetectionRules {
                mean_time_between_false_alarms: Duration::from_hours(720),
                shift_sigma: 1.0,
                learn_samples: 300,
                within: None,
                profile,
                level: Level::Fixed,
            };
            let design = design(&rules, Duration::from_secs(1)).unwrap();
            let mut slots = vec![None; 6];
            slots[MEASURED.index()] = Some(Slot(0));
            let plans = Announcements::plans(&config, &slots);
            let mut bank = Bank::new(&[design], &plans);
            if profile == Profile::None {
                assert!(bank.arm(Slot(0), Model::known(0.0, 1.0, 0.0)));
            }
            Self {
                announcements: Announcements::new(&config),
                bank,
                at: Mono::default(),
            }
        }

        fn say(&mut self, tag: TagId, value: Value) -> Vec<Change> {
            let sample = Sample {
                tag,
                value,
                quality: Quality::Good,
                time: Timestamp::from_millis(0),
            };
            let mut out = Vec::new();
            self.announcements
                .observe(&sample, self.at, &mut self.bank, &mut out);
            out.iter().map(|finding| finding.change).collect()
        }

        fn measure(&mut self, value: f64) -> Vec<Change> {
            self.at = self.at.saturating_add(Duration::from_secs(1));
            let input = Input {
                slot: Slot(0),
                value,
                at: self.at,
            };
            let day = DayTime::at(Timestamp::from_millis(0), &Zone::UTC);
            let mut out = Vec::new();
            self.bank.step(&[input], day, &mut out);
            out.iter().map(|finding| finding.change).collect()
        }

        /// Whether the plant goes on as if nothing had been said: a value far off is raised at once.
        fn alarms(&mut self) -> bool {
            self.measure(9.0).contains(&Change::Raised)
        }
    }

    fn text(text: &str) -> Value {
        Value::Text(ShortText::try_from(text).unwrap())
    }

    /// What is said, one after the other; the last one is (or is not) a change that a measured level may follow.
    #[track_caller]
    fn check(what: &[(TagId, Value)], is_change: bool) {
        let mut plant = Plant::new(context(), Profile::None);
        let (last, before) = what.split_last().unwrap();
        for (tag, value) in before {
            plant.say(*tag, value.clone());
        }
        plant.at = plant.at.saturating_add(Duration::from_secs(1_000));
        for second in 0..100 {
            plant.measure(0.1 * f64::from(second % 2));
        }
        plant.say(last.0, last.1.clone());
        assert_eq!(plant.alarms(), !is_change, "{what:?}");
    }

    #[test]
    fn a_mode_that_changes_is_a_change() {
        check(&[(MODE, Value::Int(1)), (MODE, Value::Int(2))], true);
        check(
            &[(MODE, text("A")), (MODE, text("B")), (MODE, text("A"))],
            true,
        );
        check(
            &[(MODE, Value::Float(1.5)), (MODE, Value::Float(2.0))],
            true,
        );
        check(&[(MODE, Value::Bool(true)), (MODE, Value::Missing)], true);
    }

    #[test]
    fn a_setpoint_that_moves_is_a_change_and_its_first_value_is_not() {
        check(
            &[(SETPOINT, Value::Float(1.0)), (SETPOINT, Value::Float(2.0))],
            true,
        );
        check(
            &[(SETPOINT, Value::Float(1.0)), (SETPOINT, Value::Float(1.0))],
            false,
        );
        check(&[(SETPOINT, Value::Float(1.0))], false);
    }

    #[test]
    fn quiet_holds_while_the_value_is_one_of_those() {
        check(&[(QUIET, text("MAINT"))], true);
        check(&[(QUIET, Value::Int(3))], true);
        check(&[(QUIET, Value::Float(3.0))], true);
        check(&[(QUIET, Value::Bool(true))], true);
        check(&[(QUIET, text("RUN"))], false);
        check(&[(QUIET, text("RUN")), (QUIET, text("IDLE"))], false);
        check(&[(QUIET, text("MAINT")), (QUIET, text("RUN"))], true);
    }

    #[test]
    fn other_tags_say_nothing() {
        check(
            &[(MEASURED, Value::Int(1)), (MEASURED, Value::Int(2))],
            false,
        );
        check(
            &[(TagId(99), Value::Int(1)), (TagId(99), Value::Int(2))],
            false,
        );
    }

    #[test]
    fn a_change_ends_a_fault() {
        let mut plant = Plant::new(context(), Profile::None);
        assert!(plant.alarms());
        assert_eq!(plant.say(MODE, Value::Int(7)), [Change::Cleared]);
    }

    #[test]
    fn a_mode_of_two_tags_is_known_when_both_are() {
        let mut rules = context();
        rules.mode.push(ORDER);
        let mut plant = Plant::new(rules, Profile::None);
        assert!(plant.alarms());
        assert_eq!(plant.say(MODE, text("A")), []);
        assert_eq!(plant.say(ORDER, Value::Int(4)), [Change::Cleared]);
    }

    #[test]
    fn modes_beyond_the_most_share_the_last() {
        let mut announced = Announced::new(&context());
        let mut number = |n: i64| announced.mode_after(0, &Value::Int(n)).unwrap().0;
        assert_eq!([number(5), number(6), number(5)], [1, 2, 1]);
        let last = u16::try_from(MODES_MAX).unwrap();
        for n in 0..2_000 {
            assert!((1..=last).contains(&number(n)), "{n}");
        }
        assert_eq!([number(5_000), number(6_000), number(6)], [last, last, 2]);
    }

    /// A signal that follows pulses is learned with them.
    #[test]
    fn a_cycle_begins_where_its_tag_rises() {
        let mut plant = Plant::new(context(), Profile::Cycle);
        let mut noise = fastrand::Rng::with_seed(4);
        for second in 0..2_000_u32 {
            let into = second % 20;
            plant.say(CYCLE, Value::Bool(into == 0));
            let stroke = if into < 5 { 50.0 } else { 0.0 };
            let found = plant.measure(stroke + noise.f64());
            assert!(second < 300 || found.is_empty(), "{second}: {found:?}");
        }
        assert!(plant.measure(90.0).contains(&Change::Raised));
    }

    #[test]
    fn a_slot_follows_the_first_context_that_names_its_asset() {
        let named = |asset: &str| Context {
            assets: vec![AssetPath::parse(asset).unwrap()],
            ..context()
        };
        let elsewhere = "acme/line1/oven";
        let config = config(vec![named(elsewhere), named("acme/line1"), context()]);
        let slots = [None, Some(Slot(0)), None, Some(Slot(1)), None, None];
        let plans = Announcements::plans(&config, &slots);
        let of: Vec<&[Slot]> = plans.iter().map(|plan| &plan.slots[..]).collect();
        assert_eq!(of, [&[][..], &[Slot(0), Slot(1)], &[]]);
        assert!(
            plans
                .iter()
                .all(|plan| plan.settle == Duration::from_secs(30))
        );
    }
}
