//! The progress bar of commands that go through files.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// How often it is drawn.
const REDRAW: Duration = Duration::from_millis(200);
/// Its width in characters.
const BAR_CHARS: usize = 30;

/// A progress bar on standard error, if that is a terminal.
pub(super) struct Bar {
    is_shown: bool,
    drawn: Duration,
}

impl Bar {
    /// A bar that is shown only if the work has a known size.
    pub(super) fn new(has_size: bool) -> Self {
        Self {
            is_shown: io::stderr().is_terminal() && has_size,
            drawn: Duration::ZERO,
        }
    }

    /// Shows bytes done of bytes in all, and the speed.
    pub(super) fn show(&mut self, bytes: (u64, u64), values: u64, elapsed: Duration) {
        if !self.is_shown || elapsed < self.drawn.saturating_add(REDRAW) {
            return;
        }
        self.drawn = elapsed;
        draw(&bar_text(bytes, values, elapsed));
    }

    /// Leaves the line empty for what is printed next.
    pub(super) fn clear(&self) {
        if self.is_shown && !self.drawn.is_zero() {
            draw("");
        }
    }
}

fn bar_text((done, total): (u64, u64), values: u64, elapsed: Duration) -> String {
    let percent = done.saturating_mul(100) / total.max(1);
    let percent = usize::try_from(percent).unwrap_or(100).min(100);
    let bar = "#".repeat(BAR_CHARS * percent / 100);
    let speed = values as f64 / elapsed.as_secs_f64().max(1e-3);
    format!("[{bar:<BAR_CHARS$}] {percent:>3} %  {speed:.0} values/s")
}

fn draw(line: &str) {
    // `ESC [ K` wipes what an earlier, longer line left.
    write!(io::stderr().lock(), "\r{line}\x1b[K").ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_shows_the_share_of_bytes_read() {
        let text = |done, total| bar_text((done, total), 2_000_000, Duration::from_secs(2));
        let half = text(50, 100);
        assert_eq!(
            half,
            format!("[{:<30}]  50 %  1000000 values/s", "#".repeat(15))
        );
        assert!(text(500, 100).contains("100 %"));
        assert!(text(0, 0).contains("  0 %"));
    }
}
