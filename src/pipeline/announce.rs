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
                context.hear((*id, *part), &sample.value, at, bank, out);
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
        value: &Value,
        at: Mono,
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
