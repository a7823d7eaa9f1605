//! Scheduling: which sources are in flight, on which thread, and in which cache slots.
//!
//! Separate so that search knows one source and the model knows one step. A worker keeps a fixed budget of tokens in
//! flight and takes the next source as soon as one is finished (continuous batching, Yu et al. 2022); one worker a
//! core beats threads inside a product. The invariant: what a source gives does not depend on its company.

use super::{
    EngineError,
    arch::{DecoderState, Row, Seq2Seq},
    decode::{Hypothesis, Open, Search, search},
    generation::GenerationConfig,
    kernels::cache::{CrossMemory, Tap},
};
use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// One source to decode.
#[derive(Debug, Clone)]
pub struct Job {
    /// Source tokens, `</s>` included.
    pub source: Vec<u32>,
    /// How to search.
    pub config: GenerationConfig,
}

/// How to share the work.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// Workers, each with its own batch.
    pub workers: usize,
    /// Source tokens times beams that one worker keeps in flight.
    pub tokens: usize,
    /// The attention to hand out.
    pub tap: Option<Tap>,
}

/// Decodes every job; results in the order of the jobs. `done(index)` is called as each finishes, from its worker.
pub fn run(
    model: &dyn Seq2Seq,
    jobs: &[Job],
    schedule: Schedule,
    done: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Hypothesis>, EngineError> {
    let queue = Queue::new(jobs);
    let results: Vec<Mutex<Option<Hypothesis>>> = jobs.iter().map(|_| Mutex::new(None)).collect();
    let finish = |index: usize, hypothesis: Hypothesis| {
        *lock(&results[index]) = Some(hypothesis);
        done(index);
    };
    let worker = || {
        let outcome = Worker::new(model, jobs, schedule, &queue).run(&finish);
        if outcome.is_err() {
            queue.stop();
        }
        outcome
    };
    let workers = schedule.workers.clamp(1, jobs.len().max(1));
    match workers {
        1 => worker()?,
        _ => std::thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
            threads.into_iter().try_for_each(|thread| match thread.join() {
                Ok(outcome) => outcome,
                Err(payload) => std::panic::resume_unwind(payload),
            })
        })?,
    }
    let take = |result: Mutex<Option<Hypothesis>>| result.into_inner().ok().flatten();
    let missing = || EngineError::Unsupported("the search ended without an output: check its maximum length".into());
    results.into_iter().map(|result| take(result).ok_or_else(missing)).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Jobs not yet taken, longest first: the last ones to run are short, so that no worker waits long for another.
struct Queue {
    order: Vec<usize>,
    next: AtomicUsize,
    stopped: AtomicBool,
}

impl Queue {
    fn new(jobs: &[Job]) -> Queue {
        let mut order: Vec<usize> = (0..jobs.len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse(jobs[*index].source.len()));
        Queue { order, next: AtomicUsize::new(0), stopped: AtomicBool::new(false) }
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn take(&self) -> Option<usize> {
        if self.stopped.load(Ordering::Relaxed) {
            return None;
        }
        self.order.get(self.next.fetch_add(1, Ordering::Relaxed)).copied()
    }
}

/// A source in flight.
struct Active {
    index: usize,
    search: Box<dyn Search>,
    memory: CrossMemory,
    /// Beam `b` writes to slot `first_slot + b`.
    first_slot: usize,
    /// Tapped attention of each position, by beam.
    taps: Vec<Vec<Vec<f32>>>,
    cost: usize,
}

struct Worker<'a> {
    model: &'a dyn Seq2Seq,
    jobs: &'a [Job],
    schedule: Schedule,
    queue: &'a Queue,
    active: Vec<Active>,
    free_slots: Vec<usize>,
    /// A job taken from the queue that did not fit yet.
    waiting: Option<usize>,
}

impl<'a> Worker<'a> {
    fn new(model: &'a dyn Seq2Seq, jobs: &'a [Job], schedule: Schedule, queue: &'a Queue) -> Worker<'a> {
        Worker { model, jobs, schedule, queue, active: Vec::new(), free_slots: Vec::new(), waiting: None }
    }

    fn run(mut self, finish: &dyn Fn(usize, Hypothesis)) -> Result<(), EngineError> {
        let Some(first) = self.queue.take() else { return Ok(()) };
        self.waiting = Some(first);
        let mut state = self.allocate(first);
        loop {
            self.refill()?;
            if self.active.is_empty() {
                return Ok(());
            }
            self.step(&mut state)?;
            self.retire(finish);
        }
    }

    /// Returns caches for as many slots as the budget can ever fill, of the length its longest source suggests.
    fn allocate(&mut self, longest: usize) -> DecoderState {
        let beams = self.jobs.iter().map(|job| job.config.num_beams).max().unwrap_or(1);
        let shortest = self.jobs.iter().map(|job| job.source.len()).min().unwrap_or(1).max(1);
        let sources = (self.schedule.tokens / (shortest * beams)).clamp(1, self.share());
        self.free_slots = (0..sources).rev().map(|slot| slot * beams).collect();
        let capacity = (self.jobs[longest].source.len() * 3 / 2 + 8).min(self.jobs[longest].config.max_length);
        self.model.state(sources * beams, capacity)
    }

    /// Returns the most sources one worker may hold, so that a short list is shared by all workers.
    fn share(&self) -> usize {
        self.jobs.len().div_ceil(self.schedule.workers.max(1)).max(1)
    }

    fn cost(&self, index: usize) -> usize {
        self.jobs[index].source.len() * self.jobs[index].config.num_beams
    }

    /// Takes sources while they fit and encodes them together.
    fn refill(&mut self) -> Result<(), EngineError> {
        let mut in_flight: usize = self.active.iter().map(|active| active.cost).sum();
        let mut taken = Vec::new();
        while taken.len() < self.free_slots.len() {
            let Some(index) = self.waiting.take().or_else(|| self.queue.take()) else { break };
            let cost = self.cost(index);
            // A source larger than the whole budget still runs, alone.
            if in_flight > 0 && in_flight + cost > self.schedule.tokens {
                self.waiting = Some(index);
                break;
            }
            in_flight += cost;
            taken.push(index);
        }
        self.start(&taken)
    }

    fn start(&mut self, taken: &[usize]) -> Result<(), EngineError> {
        if taken.is_empty() {
            return Ok(());
        }
        let sources: Vec<&[u32]> = taken.iter().map(|index| self.jobs[*index].source.as_slice()).collect();
        let memories = self.model.memories(&self.model.encode(&sources)?, &sources)?;
        for (index, memory) in taken.iter().zip(memories) {
            let Some(first_slot) = self.free_slots.pop() else { break };
            let config = &self.jobs[*index].config;
            let limit = self.model.max_target_tokens();
            let config = GenerationConfig { max_length: config.max_length.min(limit), ..config.clone() };
            self.active.push(Active {
                index: *index,
                search: search(&config),
                memory,
                first_slot,
                taps: vec![Vec::new(); config.num_beams],
                cost: self.cost(*index),
            });
        }
        Ok(())
    }

    fn step(&mut self, state: &mut DecoderState) -> Result<(), EngineError> {
        let lineages: Vec<Vec<u32>> = self.active.iter().flat_map(slot_lineages).collect();
        let opens = self.active.iter().flat_map(|active| {
            active.search.open().iter().enumerate().map(move |(beam, open)| (active, beam, open))
        });
        let rows: Vec<Row<'_>> = opens
            .zip(&lineages)
            .map(|((active, beam, open), lineage)| Row {
                token: open.tokens.last().copied().unwrap_or_default(),
                memory: &active.memory,
                slot: active.first_slot + beam,
                lineage,
            })
            .collect();
        let mut output = self.model.step(state, &rows, self.schedule.tap)?;
        let vocabulary = self.model.vocabulary();
        let (mut logits, mut taps) = (output.logits.as_mut_slice(), output.taps.into_iter());
        for active in &mut self.active {
            let open = active.search.open().len();
            let (own, rest) = logits.split_at_mut(open * vocabulary);
            logits = rest;
            for (beam, tap) in taps.by_ref().take(open).enumerate() {
                let position = active.search.open()[beam].lineage.len();
                active.taps[beam].resize(position, Vec::new());
                active.taps[beam].push(tap);
            }
            active.search.advance(own);
        }
        Ok(())
    }

    fn retire(&mut self, finish: &dyn Fn(usize, Hypothesis)) {
        let (finished, active) = std::mem::take(&mut self.active).into_iter().partition(|a| a.search.done());
        self.active = active;
        for mut active in Vec::<Active>::into_iter(finished) {
            self.free_slots.push(active.first_slot);
            if let Some(best) = active.search.best().cloned() {
                finish(active.index, hypothesis(&best, &mut active.taps));
            }
        }
    }
}

/// Returns, for each open hypothesis, the cache slot of each of its earlier positions.
fn slot_lineages(active: &Active) -> impl Iterator<Item = Vec<u32>> {
    let first = active.first_slot as u32;
    active.search.open().iter().map(move |open| open.lineage.iter().map(|beam| first + beam).collect())
}

fn hypothesis(best: &Open, taps: &mut [Vec<Vec<f32>>]) -> Hypothesis {
    let tokens = best.tokens[1..].to_vec();
    let tapped = taps.iter().any(|positions| !positions.is_empty());
    let row = |(position, beam): (usize, &u32)| taps[*beam as usize].get(position).cloned().unwrap_or_default();
    let attention = if tapped { best.lineage.iter().enumerate().map(row).collect() } else { Vec::new() };
    Hypothesis { score: best.raw_score / tokens.len().max(1) as f32, tokens, attention }
}
