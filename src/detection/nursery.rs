//! Where learning slots keep their samples: in few large blocks, each given back when its last slot has learned.
//!
//! A block per slot would leave the heap full of holes when learning is over, and a plant of 10,000 tags would keep
//! megabytes for ever that it needs for five minutes.

/// Samples of a block at most, 4 MiB: so large that allocators take it from the system, and return it, by itself.
const BLOCK_SAMPLES: usize = 1 << 20;

/// The blocks.
#[derive(Debug, Clone, Default)]
pub(super) struct Nursery {
    blocks: Vec<Block>,
}

/// Room of neighbouring slots.
#[derive(Debug, Clone, Default)]
struct Block {
    samples: Vec<f32>,
    /// Slots that still learn.
    learners: usize,
}

/// A slot's room: `samples[start..start + len]` of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    block: usize,
    start: usize,
    len: usize,
}

impl Block {
    fn leave(&mut self) {
        self.learners = self.learners.saturating_sub(1);
        if self.learners == 0 {
            self.samples = Vec::new();
        }
    }
}

impl Nursery {
    /// Room for slots that need these many samples, in order, and where each one's is.
    pub(super) fn new(needs: impl Iterator<Item = usize>) -> (Self, Vec<Place>) {
        let mut places: Vec<Place> = Vec::new();
        let mut sizes: Vec<(usize, usize)> = Vec::new();
        for len in needs {
            match sizes.last_mut() {
                Some((size, learners)) if *size + len <= BLOCK_SAMPLES => {
                    let start = *size;
                    *size += len;
                    *learners += 1;
                    places.push(Place {
                        block: sizes.len() - 1,
                        start,
                        len,
                    });
                }
                _ => {
                    places.push(Place {
                        block: sizes.len(),
                        start: 0,
                        len,
                    });
                    sizes.push((len, 1));
                }
            }
        }
        let block = |(size, learners)| Block {
            samples: vec![0.0; size],
            learners,
        };
        let blocks = sizes.into_iter().map(block).collect();
        (Self { blocks }, places)
    }

    /// Room for a slot that learns again.
    pub(super) fn rent(&mut self, len: usize) -> Place {
        let fresh = Block {
            samples: vec![0.0; len],
            learners: 1,
        };
        let free = self.blocks.iter().position(|block| block.learners == 0);
        let block = free.unwrap_or(self.blocks.len());
        match self.blocks.get_mut(block) {
            Some(empty) => *empty = fresh,
            None => self.blocks.push(fresh),
        }
        Place {
            block,
            start: 0,
            len,
        }
    }

    /// A slot's room; empty once every slot of its block has left.
    pub(super) fn room(&mut self, place: Place) -> &mut [f32] {
        self.blocks
            .get_mut(place.block)
            .and_then(|block| block.samples.get_mut(place.start..place.start + place.len))
            .unwrap_or_default()
    }

    /// A slot has learned.
    pub(super) fn leave(&mut self, place: Place) {
        let block = self.blocks.get_mut(place.block);
        block.into_iter().for_each(Block::leave);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_do_not_overlap() {
        let (mut nursery, places) = Nursery::new([3, 5, 2].into_iter());
        for (number, place) in (1_u8..).zip(&places) {
            nursery.room(*place).fill(f32::from(number));
        }
        let all: Vec<Vec<f32>> = places.iter().map(|p| nursery.room(*p).to_vec()).collect();
        assert_eq!(all, [vec![1.0; 3], vec![2.0; 5], vec![3.0; 2]]);
    }

    #[test]
    fn a_block_goes_with_its_last_slot() {
        let (mut nursery, places) = Nursery::new([BLOCK_SAMPLES - 1, 1, 1].into_iter());
        let sizes = |nursery: &Nursery| -> Vec<usize> {
            nursery.blocks.iter().map(|b| b.samples.len()).collect()
        };
        assert_eq!(sizes(&nursery), [BLOCK_SAMPLES, 1]);
        nursery.leave(places[0]);
        assert_eq!(sizes(&nursery), [BLOCK_SAMPLES, 1]);
        nursery.leave(places[1]);
        assert_eq!(sizes(&nursery), [0, 1]);
        assert_eq!(nursery.room(places[1]).len(), 0);
        assert_eq!(nursery.room(places[2]).len(), 1);
        let again = nursery.rent(7);
        assert_eq!(sizes(&nursery), [7, 1], "an empty block is used again");
        assert_eq!(nursery.room(again).len(), 7);
        let further = nursery.rent(3);
        assert_eq!(sizes(&nursery), [7, 1, 3]);
        nursery.leave(again);
        nursery.leave(further);
        assert_eq!(sizes(&nursery), [0, 1, 0]);
    }
}
