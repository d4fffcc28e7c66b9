//! Texts that are much like one another, each kept as what it has other than the one before: the entries of a long list
//! take a hundredth of the room that they take when they are written out. Made by a `Series`.

use crate::out::Out;

/// Some texts, in order. A text is steps and a zero: how much stays, plus one; how much of what follows goes; how much
/// comes in its place, and that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain(Vec<u8>);

impl Chain {
    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how many bytes they are kept in.
    pub fn size(&self) -> usize {
        self.0.capacity()
    }

    /// Gives back the room that would be needed for more.
    pub fn close(&mut self) {
        self.0.shrink_to_fit();
    }

    /// Adds a text that owes nothing to another.
    pub(crate) fn begin(&mut self, text: &[u8]) {
        let mut link = Link::of(self);
        link.replace(0, b"", text);
        link.end();
    }

    fn number(&mut self, mut number: usize) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

/// A text on its way into a chain.
#[derive(Debug)]
pub(crate) struct Link<'a> {
    chain: &'a mut Chain,
    /// How much of the text before is dealt with.
    done: usize,
}

impl<'a> Link<'a> {
    /// Begins the next text.
    pub(crate) fn of(chain: &'a mut Chain) -> Self {
        Link { chain, done: 0 }
    }

    /// Puts something in the place of what the text before has at `at`; calls come in ascending order.
    pub(crate) fn replace(&mut self, at: usize, old: &[u8], new: &[u8]) {
        let alike = old.iter().zip(new).take_while(|(old, new)| old == new).count();
        let (old, new) = (old.get(alike..).unwrap_or_default(), new.get(alike..).unwrap_or_default());
        let behind = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
        let (gone, come) = (old.len() - behind, new.get(..new.len() - behind).unwrap_or_default());
        if gone == 0 && come.is_empty() {
            return;
        }
        self.chain.number(at + alike - self.done + 1);
        self.chain.number(gone);
        self.chain.number(come.len());
        self.chain.0.extend_from_slice(come);
        self.done = at + alike + gone;
    }

    /// Ends the text.
    pub(crate) fn end(self) {
        self.chain.number(0);
    }
}

/// Reads chains of objects.
#[derive(Debug, Default)]
pub struct Reader {
    /// Where the next text begins, and the one before it.
    at: usize,
    text: Vec<u8>,
}

impl Reader {
    /// Goes to the beginning of another chain.
    pub fn restart(&mut self) {
        self.at = 0;
        self.text.clear();
    }

    /// Appends the next object, and says whether there was one.
    pub fn write(&mut self, chain: &Chain, out: &mut Out) -> bool {
        let is_there = self.advance(&chain.0);
        if is_there {
            let start = out.len();
            out.extend_from_slice(&self.text);
            crate::write_json::close_object(start, out);
        }
        is_there
    }

    fn advance(&mut self, chain: &[u8]) -> bool {
        if self.at >= chain.len() {
            return false;
        }
        let mut place = 0;
        while let Some(same) = self.number(chain).checked_sub(1) {
            place += same;
            let end = place + self.number(chain);
            let length = self.number(chain);
            let come = chain.get(self.at..self.at + length).unwrap_or_default();
            self.at += length;
            match self.text.get_mut(place..end) {
                Some(old) if old.len() == come.len() => old.copy_from_slice(come),
                Some(_) => _ = self.text.splice(place..end, come.iter().copied()),
                None => {}
            }
            place += come.len();
        }
        true
    }

    fn number(&mut self, chain: &[u8]) -> usize {
        let (mut number, mut shift) = (0, 0);
        while let Some(byte) = chain.get(self.at) {
            self.at += 1;
            number |= usize::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                break;
            }
            shift += 7;
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Texts as pieces, every other of which is replaced from one text to the next.
    fn texts() -> impl Strategy<Value = Vec<Vec<String>>> {
        prop::collection::vec(prop::collection::vec("[ab]{0,5}|[a-z]{100,300}", 7), 1..20)
    }

    proptest! {
        #[test]
        fn what_was_kept_is_read(mut texts in texts()) {
            let mut chain = Chain::default();
            let fixed: Vec<String> = texts[0].clone();
            for text in &mut texts {
                for (piece, fixed) in text.iter_mut().zip(&fixed).step_by(2) {
                    piece.clone_from(fixed);
                }
            }
            chain.begin(texts[0].concat().as_bytes());
            for pair in texts.windows(2) {
                let mut link = Link::of(&mut chain);
                let mut at = 0;
                for (place, (old, new)) in pair[0].iter().zip(&pair[1]).enumerate() {
                    if place % 2 == 1 {
                        link.replace(at, old.as_bytes(), new.as_bytes());
                    }
                    at += old.len();
                }
                link.end();
            }
            let mut reader = Reader::default();
            for _ in 0..2 {
                for text in &texts {
                    prop_assert!(reader.advance(&chain.0));
                    prop_assert_eq!(std::str::from_utf8(&reader.text).unwrap(), text.concat());
                }
                prop_assert!(!reader.advance(&chain.0));
                reader.restart();
            }
        }
    }

    #[test]
    fn texts_that_are_alike_take_little() {
        let mut chain = Chain::default();
        chain.begin(&[b'x'; 5_000]);
        let before = chain.0.len();
        Link::of(&mut chain).end();
        let mut link = Link::of(&mut chain);
        link.replace(4_000, b"number 17.", b"number 18.");
        link.end();
        assert_eq!(chain.0.len() - before, 1 + 6);
    }
}
