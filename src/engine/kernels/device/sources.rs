//! The keys and values of the sources in flight on a device, in one tensor that every row of a step can address.
//!
//! Separate from `ring.rs` because sources come in groups, as they were encoded, and stay as long as one of a group is being
//! translated. The invariant: a group's cells lie side by side and do not move while it lives, but when the tensor grows.

use candle_core::{Result, Tensor, bail};
use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex, PoisonError, Weak},
};

/// Sources that were encoded together.
#[derive(Debug)]
struct Group {
    /// (layers, tokens, 2 d), until they are moved to the rows of a step.
    projections: Mutex<Option<Tensor>>,
    tokens: usize,
}

/// One source of a group.
#[derive(Debug, Clone)]
pub struct SourceRows {
    group: Arc<Group>,
    rows: Range<usize>,
}

impl SourceRows {
    /// Returns the sources of fused projections, (tokens, layers * 2 d), each a range of their rows.
    pub fn split(projections: &Tensor, sources: &[Range<usize>], width: usize) -> Result<Vec<SourceRows>> {
        let (tokens, values) = projections.dims2()?;
        let layers = projections.reshape((tokens, values / width, width))?.transpose(0, 1)?.contiguous()?;
        let group = Arc::new(Group { projections: Mutex::new(Some(layers)), tokens });
        Ok(sources.iter().map(|rows| SourceRows { group: group.clone(), rows: rows.clone() }).collect())
    }
}

/// A group that has its cells.
#[derive(Debug)]
struct Placed {
    group: Weak<Group>,
    cells: Range<usize>,
}

/// The cells of all groups in flight.
#[derive(Debug, Default)]
pub struct Sources {
    /// (layers, capacity, 2 d); none before the first group.
    cells: Option<Tensor>,
    capacity: usize,
    /// In the order of their cells.
    placed: Vec<Placed>,
}

impl Sources {
    /// Returns the cells of each row's source, one by one; see `ranges`.
    pub fn begin(&mut self, rows: &[&SourceRows]) -> Result<Vec<Vec<u32>>> {
        let ranges = self.ranges(rows)?;
        Ok(ranges.into_iter().map(|cells| cells.map(|cell| cell as u32).collect()).collect())
    }

    /// Returns the cells of each of these sources; groups that are new get theirs, those that are gone give them back.
    pub fn ranges(&mut self, rows: &[&SourceRows]) -> Result<Vec<Range<usize>>> {
        self.placed.retain(|placed| placed.group.strong_count() > 0);
        let place = |placed: &Placed| (placed.group.as_ptr(), placed.cells.start);
        let mut starts: HashMap<*const Group, usize> = self.placed.iter().map(place).collect();
        let mut cells = Vec::with_capacity(rows.len());
        for SourceRows { group, rows } in rows {
            let start = match starts.get(&Arc::as_ptr(group)) {
                Some(start) => *start,
                None => {
                    let start = self.place(group)?;
                    starts.insert(Arc::as_ptr(group), start);
                    start
                }
            };
            cells.push(start + rows.start..start + rows.end);
        }
        Ok(cells)
    }

    /// Returns the cells of a layer, (capacity, 2 d).
    pub fn layer(&self, layer: usize) -> Result<Tensor> {
        match &self.cells {
            Some(cells) => cells.get(layer),
            None => bail!("no source was given"),
        }
    }

    /// Moves a group's projections to the first gap that holds them and returns where it begins.
    fn place(&mut self, group: &Arc<Group>) -> Result<usize> {
        let projections = group.projections.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(projections) = projections else { bail!("a source is in the caches of another batch") };
        let (index, start) = self.gap(group.tokens);
        let end = start + group.tokens;
        self.reserve(end, &projections)?;
        if let Some(cells) = &self.cells {
            cells.slice_set(&projections, 1, start)?;
        }
        self.placed.insert(index, Placed { group: Arc::downgrade(group), cells: start..end });
        Ok(start)
    }

    /// Returns the first place for this many cells: how many groups lie before it, and where it begins.
    fn gap(&self, tokens: usize) -> (usize, usize) {
        let mut start = 0;
        for (index, placed) in self.placed.iter().enumerate() {
            if placed.cells.start - start >= tokens {
                return (index, start);
            }
            start = placed.cells.end;
        }
        (self.placed.len(), start)
    }

    fn reserve(&mut self, capacity: usize, like: &Tensor) -> Result<()> {
        if capacity <= self.capacity {
            return Ok(());
        }
        let (layers, _, width) = like.dims3()?;
        let capacity = capacity.max(2 * self.capacity);
        let grown = Tensor::zeros((layers, capacity, width), like.dtype(), like.device())?;
        if let Some(cells) = &self.cells {
            grown.slice_set(cells, 1, 0)?;
        }
        (self.cells, self.capacity) = (Some(grown), capacity);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, IndexOp};

    /// Returns a group of sources of these lengths whose cells hold their own number, from `first` on.
    fn group(first: f32, lengths: &[usize]) -> Vec<SourceRows> {
        let tokens: usize = lengths.iter().sum();
        let numbers = Tensor::arange(first, first + tokens as f32, &Device::Cpu).unwrap().unsqueeze(1).unwrap();
        let projections = numbers.broadcast_as((tokens, 6)).unwrap().contiguous().unwrap(); // 2 layers of 3 values
        let mut end = 0;
        let ranges: Vec<_> = lengths
            .iter()
            .map(|length| {
                end += length;
                end - length..end
            })
            .collect();
        SourceRows::split(&projections, &ranges, 3).unwrap()
    }

    fn read(sources: &Sources, cells: &[u32]) -> Vec<f32> {
        let layer = sources.layer(1).unwrap();
        cells.iter().map(|cell| layer.i((*cell as usize, 0)).unwrap().to_scalar().unwrap()).collect()
    }

    #[test]
    fn a_group_keeps_its_cells_until_its_last_source_is_gone() {
        let mut sources = Sources::default();
        let (mut first, second) = (group(0.0, &[2, 3]), group(100.0, &[4]));
        let cells = sources.begin(&[&first[1], &second[0], &first[1]]).unwrap();
        assert_eq!(read(&sources, &cells[0]), [2.0, 3.0, 4.0]);
        assert_eq!((&cells[0], read(&sources, &cells[1])), (&cells[2], vec![100.0, 101.0, 102.0, 103.0]));
        first.remove(1);
        let third = group(200.0, &[5]);
        let cells = sources.begin(&[&third[0], &first[0]]).unwrap();
        assert_eq!((read(&sources, &cells[1]), cells[0][0]), (vec![0.0, 1.0], 9));
        first.clear();
        let fourth = group(300.0, &[5]);
        let cells = sources.begin(&[&fourth[0], &second[0]]).unwrap();
        assert_eq!((cells[0][0], read(&sources, &cells[0])[4]), (0, 304.0));
        assert_eq!(read(&sources, &cells[1])[0], 100.0);
    }
}
