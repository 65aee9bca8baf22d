//! What is refused, and in which words.

use crate::press::with;
use crate::recorded::Plant;

#[test]
fn what_cannot_be_charted_says_why() {
    let plant = Plant::usual();
    for (args, why) in [
        (&["spc"][..], "<TAG|--of <COUNTED>>"),
        (
            &["spc", "press.state", "--of", "scrap"],
            "cannot be used with",
        ),
        (
            &["spc", "press.state", "--category", "dent"],
            "cannot be used with",
        ),
        (
            &["spc", "--of", "scrap", "--usl", "3"],
            "cannot be used with",
        ),
        (
            &["spc", "--of", "noise"],
            "possible values: scrap, rework, defects",
        ),
        (
            &["spc", "--of", "scrap", "--chart", "pie"],
            "of counts p, np, c, u, laney_p, laney_u",
        ),
        (
            &["spc", "--of", "scrap", "--chart", "i_mr"],
            "i_mr chart takes",
        ),
        (
            &["spc", "--of", "scrap", "--category", "dent"],
            "there is no category of defects \"dent\"; allowed: none; scrap is not told by category",
        ),
        (
            &["spc", "--of", "defects", "--category", "scrach"],
            "(did you mean \"scratch\"?)",
        ),
        (
            &["spc", "--of", "scrap", "--work-unit", "pres"],
            "allowed: press, mill",
        ),
        (&["defects", "--work-unit", "pres"], "allowed: press, mill"),
        (
            &["defects", "--level", "4"],
            "there is no level of categories \"4\"; allowed: 1 at the top to 3",
        ),
        (
            &["defects", "--opportunities", "0"],
            "opportunities per unit",
        ),
        (
            &["defects", "--per", "hour"],
            "possible values: day, week, month",
        ),
    ] {
        plant.refused(&with(args), why);
    }
    let none = plant.text(&with(&["defects"]));
    assert!(
        none.contains("no defect was taken in of this time"),
        "{none}"
    );
}
