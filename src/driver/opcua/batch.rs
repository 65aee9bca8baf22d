//! How many nodes go into one request: what the server says, what the configuration says, and what was learnt. Pure.

/// The most nodes per request; only ever shrinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchLimit {
    nodes: usize,
}

impl BatchLimit {
    /// No limit but `configured`; 0 is none, as in OPC UA Part 5 §6.3.11.
    pub(super) fn configured(configured: u32) -> Self {
        Self {
            nodes: limit(configured),
        }
    }

    /// Takes a server's stated limit into account; 0 is none.
    pub(super) fn respect(&mut self, server: u32) {
        self.nodes = self.nodes.min(limit(server));
    }

    /// Nodes per request, at least 1.
    pub(super) const fn nodes(self) -> usize {
        self.nodes
    }

    /// Learns that a request of `sent` nodes was too large. `false` when it cannot get smaller.
    pub(super) fn halve(&mut self, sent: usize) -> bool {
        let largest = self.nodes.min(sent);
        if largest <= 1 {
            return false;
        }
        self.nodes = largest / 2;
        true
    }
}

fn limit(nodes: u32) -> usize {
    match nodes {
        0 => usize::MAX,
        n => usize::try_from(n).unwrap_or(usize::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_limit_counts_and_zero_is_none() {
        let mut batch = BatchLimit::configured(0);
        assert_eq!(batch.nodes(), usize::MAX);
        batch.respect(0);
        assert_eq!(batch.nodes(), usize::MAX);
        batch.respect(100);
        assert_eq!(batch.nodes(), 100);
        batch.respect(500);
        assert_eq!(batch.nodes(), 100);
        let mut configured = BatchLimit::configured(50);
        configured.respect(100);
        assert_eq!(configured.nodes(), 50);
    }

    #[test]
    fn halving_starts_at_what_was_sent_and_ends_at_one() {
        let mut batch = BatchLimit::configured(0);
        let mut sizes = Vec::new();
        while batch.halve(10) {
            sizes.push(batch.nodes());
        }
        assert_eq!(sizes, [5, 2, 1]);
    }
}
