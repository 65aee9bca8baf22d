//! Baselines that come from another gateway, or from this one at an earlier time.

use super::{Baselines, GroupEntry, TagEntry, fits, group_fits};
use crate::config::Config;
use crate::detection::ModeId;

/// How many baselines were taken over, and how many do not fit the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Merged {
    /// Taken over; they replace what was known.
    pub taken: usize,
    /// Left out: no such tag or group here, or one with other settings.
    pub unfit: usize,
}

/// Takes those of `guests` over that fit `config`; they replace those of the same name in `home`.
///
/// Modes go by name: those that are not known here yet get the next numbers of their context.
pub fn merge(mut home: Baselines, guests: Baselines, config: &Config) -> (Baselines, Merged) {
    home.modes.resize(config.contexts.len(), Vec::new());
    let all = guests.len();
    let contexts = guests.modes.len();
    let mut taken = 0;
    for entry in guests.tags {
        let tag = config.tags.iter().find(|tag| tag.name == entry.tag);
        let Some(tag) = tag.filter(|tag| fits(&entry, tag, contexts, config)) else {
            continue;
        };
        let context = config.context_of(tag);
        let names = context.and_then(|context| guests.modes.get(context));
        let known = context.and_then(|context| home.modes.get_mut(context));
        let numbers = known.zip(names).map(|(known, names)| numbers(known, names));
        let entry = TagEntry {
            memory: entry
                .memory
                .travelled(|mode| renumbered(mode, numbers.as_deref())),
            ..entry
        };
        replace(&mut home.tags, entry, |entry| &entry.tag);
        taken += 1;
    }
    for entry in guests.groups {
        if config
            .groups
            .iter()
            .any(|group| group_fits(&entry, group, config))
        {
            replace::<GroupEntry>(&mut home.groups, entry, |entry| &entry.group);
            taken += 1;
        }
    }
    let merged = Merged {
        taken,
        unfit: all - taken,
    };
    (home, merged)
}

/// The numbers here of modes with these names, which are taken in where they are new.
fn numbers(known: &mut Vec<String>, names: &[String]) -> Vec<ModeId> {
    let number = |name: &String| {
        let index = known.iter().position(|known| known == name);
        let index = index.unwrap_or_else(|| {
            known.push(name.clone());
            known.len() - 1
        });
        ModeId(u16::try_from(index + 1).unwrap_or(u16::MAX))
    };
    names.iter().map(number).collect()
}

/// Modes count from 1; 0 is that of a plant which announces none.
fn renumbered(mode: ModeId, numbers: Option<&[ModeId]>) -> ModeId {
    let index = usize::from(mode.0).checked_sub(1);
    let number = index
        .zip(numbers)
        .and_then(|(index, numbers)| numbers.get(index));
    number.copied().unwrap_or(mode)
}

fn replace<T>(list: &mut Vec<T>, entry: T, name: impl Fn(&T) -> &String) {
    list.retain(|known| name(known) != name(&entry));
    list.push(entry);
}

#[cfg(test)]
mod tests {
    use super::super::tests::{context, kept};
    use super::*;
    use crate::detection::{Memory, Model};
    use crate::pipeline::testing;

    #[test]
    fn guests_replace_those_of_the_same_name() {
        let config = testing::config(3);
        let mut home = kept(&config);
        home.tags.remove(0);
        let mut guests = kept(&config);
        for entry in &mut guests.tags {
            entry.memory = Memory::of(Model::known(7.0, 2.0, 0.0));
        }
        guests.tags[2].tag = "press9.temp".into();
        guests.tags[1].settings ^= 1;
        let (merged, count) = merge(home, guests, &config);
        assert_eq!(count, Merged { taken: 1, unfit: 2 });
        let level = |entry: &TagEntry| entry.memory.model().unwrap().levels()[0].level;
        let levels: Vec<f64> = merged.tags.iter().map(level).collect();
        assert_eq!(levels, [1.0, 1.0, 7.0]);
    }

    #[test]
    fn modes_keep_their_names_and_take_the_numbers_of_their_new_home() {
        let mut config = testing::config(2);
        config.contexts.push(context());
        let names = |names: &[&str]| vec![names.iter().map(|name| (*name).to_owned()).collect()];
        let mut home = kept(&config);
        home.modes = names(&["B", "C"]);
        let mut guests = kept(&config);
        guests.modes = names(&["A", "B"]);
        let of_mode = |mode| Memory::of(Model::known(1.0, 2.0, 0.0)).travelled(|_| ModeId(mode));
        guests.tags[0].memory = of_mode(1);
        guests.tags[1].memory = of_mode(2);
        let (merged, _) = merge(home, guests, &config);
        assert_eq!(merged.modes, names(&["B", "C", "A"]));
        let mode = |entry: &TagEntry| entry.memory.model().unwrap().levels()[0].mode.0;
        let modes: Vec<u16> = merged.tags.iter().map(mode).collect();
        assert_eq!(modes, [3, 1]);
    }

    #[test]
    fn guests_from_a_plant_with_other_contexts_do_not_fit() {
        let mut config = testing::config(1);
        let guests = kept(&config);
        config.contexts.push(context());
        let (merged, count) = merge(Baselines::default(), guests, &config);
        assert_eq!(count, Merged { taken: 0, unfit: 1 });
        assert!(merged.is_empty());
    }
}
