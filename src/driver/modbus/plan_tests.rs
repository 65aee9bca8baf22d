use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use ModbusTable::{Coil, Holding, Input};

const fn span(table: ModbusTable, start: u16, count: u16) -> Span {
    Span {
        table,
        start,
        count,
    }
}

fn planned(limits: Limits, spans: &[Span]) -> Plan {
    Plan::new(spans.iter().copied().enumerate(), limits)
}

fn at(seconds: u64) -> Mono {
    Mono::from_nanos(seconds * 1_000_000_000)
}

fn blocks(plan: &Plan) -> Vec<Block> {
    (0..plan.len())
        .filter_map(|index| plan.block(index))
        .collect()
}

fn words(plan: &Plan) -> String {
    let spans: Vec<_> = blocks(plan).iter().map(|b| b.span.to_string()).collect();
    spans.join(" ")
}

#[track_caller]
fn check(limits: Limits, spans: &[Span], expected: &str) {
    assert_eq!(words(&planned(limits, spans)), expected);
}

#[test]
fn neighbours_are_read_together_within_the_limits() {
    let usual = Limits::new(125, 8);
    let h = |start, count| span(Holding, start, count);
    check(usual, &[], "");
    check(usual, &[h(0, 1)], "holding:0");
    check(usual, &[h(1, 1), h(0, 1)], "holding:0-1");
    check(usual, &[h(0, 1), h(9, 1)], "holding:0-9");
    check(usual, &[h(0, 1), h(10, 1)], "holding:0 holding:10");
    check(
        Limits::new(125, 0),
        &[h(0, 1), h(2, 1)],
        "holding:0 holding:2",
    );
    check(usual, &[h(0, 2), span(Input, 2, 1)], "holding:0-1 input:2");
    check(
        Limits::new(4, 8),
        &[h(0, 2), h(2, 2), h(4, 2)],
        "holding:0-3 holding:4-5",
    );
    check(
        Limits::new(3, 8),
        &[h(0, 2), h(2, 2)],
        "holding:0-1 holding:2-3",
    );
    check(usual, &[h(65532, 4), h(65530, 1)], "holding:65530-65535");
    // A long text and a register within it.
    check(usual, &[h(0, 15), h(3, 1), h(15, 1)], "holding:0-15");
    let whole: Vec<_> = (0..126).map(|n| h(n, 1)).collect();
    check(usual, &whole, "holding:0-124 holding:125");
}

#[test]
fn bits_count_sixteen_to_a_register() {
    let c = |start| span(Coil, start, 1);
    check(Limits::new(125, 1), &[c(0), c(17)], "coil:0-17");
    check(Limits::new(125, 1), &[c(0), c(18)], "coil:0 coil:18");
    let many: Vec<_> = (0..2001).map(c).collect();
    check(Limits::new(125, 0), &many, "coil:0-1999 coil:2000");
    check(Limits::new(1, 0), &many[..17], "coil:0-15 coil:16");
    check(
        Limits::new(125, 0),
        &[span(ModbusTable::Discrete, 7, 1)],
        "discrete:7",
    );
}

#[test]
fn several_bits_of_one_register_are_one_address() {
    let plan = planned(
        Limits::new(125, 8),
        &[
            span(Holding, 5, 1),
            span(Holding, 4, 1),
            span(Holding, 5, 1),
        ],
    );
    let block = plan.block(0).unwrap();
    let values: Vec<_> = plan.values(block).collect();
    assert_eq!(values, [(1, 0), (0, 1), (2, 1)]);
    assert_eq!(plan.len(), 1);
    assert!(!plan.is_empty());
}

#[test]
fn a_refused_address_is_tried_again_ever_more_rarely() {
    let mut plan = planned(Limits::new(125, 8), &[span(Holding, 120, 1)]);
    assert_eq!(plan.refuse(0, 2, at(0)), Some(Learned::SetAside));
    assert_eq!(plan.refuse(0, 2, at(0)), None);
    let refused: Vec<_> = plan
        .refused()
        .map(|(s, at, code)| (s.to_vec(), at, code))
        .collect();
    assert_eq!(refused, [(vec![0], span(Holding, 120, 1), 2)]);
    let mut now = 0;
    for delay in [5, 10, 20, 40, 80, 160, 300, 300, 300] {
        assert_eq!(plan.due(at(now + delay - 1)), None, "{delay}");
        now += delay;
        let block = plan.due(at(now)).unwrap();
        assert_eq!(block.span, span(Holding, 120, 1));
        plan.postpone(block, (delay < 80).then_some(3), at(now));
    }
    assert_eq!(plan.refused().next().map(|(_, _, code)| code), Some(3));
}

#[test]
fn an_address_that_answers_again_makes_everything_be_learned_anew() {
    let spans: Vec<_> = (0..4).map(|n| span(Holding, n, 1)).collect();
    let mut plan = planned(Limits::new(125, 8), &spans);
    converge(&mut plan, &BTreeSet::from([1, 2]), at(0));
    assert_eq!(words(&plan), "holding:0 holding:3");
    let due = plan.due(at(5)).unwrap();
    plan.accept(due);
    assert_eq!(words(&plan), "holding:0-3");
    assert_eq!(plan.refused().count(), 0);
}

#[test]
fn splits_are_remembered_for_an_hour_and_never_reach_across_a_refused_address() {
    let spans: Vec<_> = (0..8).map(|n| span(Holding, n, 1)).collect();
    let mut plan = planned(Limits::new(125, 8), &spans);
    converge(&mut plan, &BTreeSet::from([2]), at(0));
    assert_eq!(words(&plan), "holding:0-1 holding:3 holding:4-7");
    plan.relearn(at(3599));
    assert_eq!(words(&plan), "holding:0-1 holding:3 holding:4-7");
    plan.relearn(at(3600));
    assert_eq!(words(&plan), "holding:0-1 holding:3-7");
    assert_eq!(plan.refused().count(), 1);
}

#[test]
fn a_half_without_the_value_that_bridged_a_gap_is_two_blocks() {
    let starts = [(291, 15), (310, 15), (323, 1), (341, 1)];
    let spans = starts.map(|(start, count)| span(Input, start, count));
    let mut plan = planned(Limits::new(51, 16), &spans);
    assert_eq!(words(&plan), "input:291-341");
    assert_eq!(plan.refuse(0, 2, at(0)), Some(Learned::Split { into: 3 }));
    assert_eq!(words(&plan), "input:291-324 input:323 input:341");
}

/// A device that refuses every read touching a `bad` holding register; returns how many requests were refused.
fn converge(plan: &mut Plan, bad: &BTreeSet<u16>, now: Mono) -> usize {
    let (mut index, mut refusals) = (0, 0);
    while let Some(block) = plan.block(index) {
        if touches(block.span, bad) {
            plan.refuse(index, 2, now).unwrap();
            refusals += 1;
        } else {
            index += 1;
        }
    }
    refusals
}

fn touches(span: Span, bad: &BTreeSet<u16>) -> bool {
    bad.iter()
        .any(|register| *register >= span.start && u32::from(*register) < span.end())
}

fn spans() -> impl Strategy<Value = Vec<Span>> {
    let table = prop::sample::select(vec![Coil, Holding, Input]);
    let one = (
        table,
        0_u16..400,
        prop::sample::select(vec![1_u16, 2, 4, 15]),
    )
        .prop_map(|(table, start, count)| match table {
            Coil => span(table, start * 7, 1),
            _ => span(table, start, count),
        });
    prop::collection::vec(one, 0..80)
}

fn limits() -> impl Strategy<Value = Limits> {
    (15_u16..140, 0_u16..130).prop_map(|(registers, gap)| Limits::new(registers, gap))
}

/// The rules that hold for every plan, learned or not.
fn assert_sound(plan: &Plan, spans: &[Span], limits: Limits) {
    let mut seen: Vec<usize> = plan
        .refused()
        .flat_map(|(slots, _, _)| slots.to_vec())
        .collect();
    for block in blocks(plan) {
        let per = if block.span.is_bits() { 16 } else { 1 };
        assert!(block.span.count >= 1 && block.span.count <= limits.registers * per);
        assert!(block.span.end() <= 0x1_0000);
        let mut end = u32::from(block.span.start);
        for (slot, offset) in plan.values(block) {
            let value = spans[slot];
            assert_eq!(value.table, block.span.table);
            assert_eq!(usize::from(value.start - block.span.start), offset);
            assert!(value.end() <= block.span.end(), "a value is torn");
            let gap = u32::from(value.start).saturating_sub(end);
            assert!(gap <= u32::from(limits.gap * per), "a gap is too wide");
            end = end.max(value.end());
            seen.push(slot);
        }
        assert_eq!(end, block.span.end(), "a block reads behind its last value");
    }
    seen.sort_unstable();
    assert!(
        seen.iter().copied().eq(0..spans.len()),
        "every value exactly once"
    );
}

proptest! {
    #[test]
    fn every_plan_is_sound(spans in spans(), limits in limits()) {
        assert_sound(&planned(limits, &spans), &spans, limits);
    }

    #[test]
    fn bisection_sets_aside_exactly_what_touches_a_bad_register(
        spans in spans(),
        limits in limits(),
        bad in prop::collection::btree_set(0_u16..400, 0..12),
    ) {
        let mut plan = planned(limits, &spans);
        converge(&mut plan, &bad, at(0));
        assert_sound(&plan, &spans, limits);
        let refused: BTreeSet<usize> =
            plan.refused().flat_map(|(slots, _, _)| slots.to_vec()).collect();
        let planted: BTreeSet<usize> =
            (0..spans.len()).filter(|slot| touches(spans[*slot], &bad)).collect();
        prop_assert_eq!(refused, planted);
        // What was learned is remembered, and merging it again later stays sound.
        prop_assert_eq!(converge(&mut plan, &bad, at(1)), 0);
        plan.relearn(at(4000));
        assert_sound(&plan, &spans, limits);
    }

    #[test]
    fn a_device_that_recovers_is_read_as_planned_at_first(
        spans in spans(),
        limits in limits(),
        bad in prop::collection::btree_set(0_u16..400, 1..12),
    ) {
        let fresh = planned(limits, &spans);
        let mut plan = fresh.clone();
        converge(&mut plan, &bad, at(0));
        if let Some(block) = plan.due(at(10)) {
            plan.accept(block);
        } else {
            plan.relearn(at(3600));
        }
        prop_assert_eq!(blocks(&plan), blocks(&fresh));
    }
}
