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
    kernels::{
        cache::{CrossMemory, Tap},
        projection::{Scores, Wanted},
    },
    room::Habits,
};
use rayon::prelude::*;
use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
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
    /// Workers of a model, each with its own batch.
    pub workers: usize,
    /// Source tokens times beams that one worker keeps in flight.
    pub tokens: usize,
    /// The attention to hand out.
    pub tap: Option<Tap>,
}

/// Who waits for the outputs.
#[derive(Clone, Copy)]
pub struct Sink<'a> {
    /// Is given each output with the place of its job, from the worker that made it, as soon as it is made.
    pub finished: &'a (dyn Fn(usize, Hypothesis) + Sync),
    /// Set to true, it stops every worker before its next step; outputs not yet finished are not given.
    pub cancelled: &'a AtomicBool,
}

/// Decodes every job and hands each output to the sink.
///
/// Jobs are taken in their order, so that what belongs together is finished together.
pub fn run(model: &dyn Seq2Seq, jobs: &[Job], schedule: Schedule, sink: Sink<'_>) -> Result<(), EngineError> {
    run_on(&[model], jobs, schedule, sink)
}

/// Decodes every job on several copies of a model, one on each device, and hands each output to the sink.
pub fn run_on(models: &[&dyn Seq2Seq], jobs: &[Job], schedule: Schedule, sink: Sink<'_>) -> Result<(), EngineError> {
    let queue = Queue { jobs, next: AtomicUsize::new(0), failed: AtomicBool::new(false), cancelled: sink.cancelled };
    let workers = schedule.workers * models.len();
    let budget = Schedule { workers, ..schedule }.budget(jobs);
    let worker = |model: &dyn Seq2Seq| {
        let outcome = Worker::new(model, &queue, budget, schedule.tap).run(sink.finished);
        queue.failed.fetch_or(outcome.is_err(), Ordering::Relaxed);
        outcome
    };
    let models = models.iter().cycle().take(workers.clamp(1, jobs.len().max(1)));
    match models.clone().count() {
        1 => models.copied().try_for_each(worker),
        _ => std::thread::scope(|scope| {
            let threads: Vec<_> = models.map(|model| scope.spawn(|| worker(*model))).collect();
            threads.into_iter().try_for_each(|thread| match thread.join() {
                Ok(outcome) => outcome,
                Err(payload) => std::panic::resume_unwind(payload),
            })
        }),
    }
}

/// Decodes every job and returns the outputs in the order of the jobs.
pub fn outputs(model: &dyn Seq2Seq, jobs: &[Job], schedule: Schedule) -> Result<Vec<Hypothesis>, EngineError> {
    let slots: Vec<Mutex<Option<Hypothesis>>> = jobs.iter().map(|_| Mutex::new(None)).collect();
    let finished = |index: usize, output: Hypothesis| {
        *slots[index].lock().unwrap_or_else(PoisonError::into_inner) = Some(output);
    };
    run(model, jobs, schedule, Sink { finished: &finished, cancelled: &AtomicBool::new(false) })?;
    Ok(slots.into_iter().filter_map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect())
}

impl Schedule {
    /// Returns the tokens one worker may hold: an even share of a short list, so that no worker is left without work.
    fn budget(&self, jobs: &[Job]) -> usize {
        let costs = || jobs.iter().map(Job::cost);
        let share = costs().sum::<usize>().div_ceil(self.workers.max(1)) + costs().max().unwrap_or(0) / 2;
        self.tokens.min(share)
    }
}

impl Job {
    /// Returns the tokens it keeps in flight.
    fn cost(&self) -> usize {
        self.source.len() * self.config.num_beams
    }
}

/// Jobs not yet taken.
struct Queue<'a> {
    jobs: &'a [Job],
    next: AtomicUsize,
    failed: AtomicBool,
    cancelled: &'a AtomicBool,
}

impl Queue<'_> {
    fn stopped(&self) -> bool {
        self.failed.load(Ordering::Relaxed) || self.cancelled.load(Ordering::Relaxed)
    }

    fn take(&self) -> Option<usize> {
        Some(self.next.fetch_add(1, Ordering::Relaxed)).filter(|index| *index < self.jobs.len())
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
    queue: &'a Queue<'a>,
    budget: usize,
    tap: Option<Tap>,
    active: Vec<Active>,
    free_slots: Vec<usize>,
    /// Jobs taken from the queue that did not fit yet, in their order.
    waiting: VecDeque<usize>,
    habits: Habits,
}

impl<'a> Worker<'a> {
    fn new(model: &'a dyn Seq2Seq, queue: &'a Queue<'a>, budget: usize, tap: Option<Tap>) -> Worker<'a> {
        let (active, free_slots, waiting) = (Vec::new(), Vec::new(), VecDeque::new());
        Worker { model, queue, budget, tap, active, free_slots, waiting, habits: Habits::on(model.device()) }
    }

    fn run(mut self, finished: &dyn Fn(usize, Hypothesis)) -> Result<(), EngineError> {
        let mut state = self.allocate();
        while !self.queue.stopped() {
            match self.advance(&mut state, finished) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if error.is_out_of_memory() && self.budget > 1 => {
                    drop(state);
                    self.halve();
                    state = self.allocate();
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Runs every source in flight one position on; returns false where there is none left.
    fn advance(&mut self, state: &mut DecoderState, finished: &dyn Fn(usize, Hypothesis)) -> Result<bool, EngineError> {
        self.refill()?;
        if self.active.is_empty() {
            return Ok(false);
        }
        self.step(state)?;
        self.retire(finished)?;
        Ok(true)
    }

    /// Takes half of what was in flight from now on; the sources in flight begin anew.
    fn halve(&mut self) {
        let mut again: Vec<usize> = self.active.drain(..).map(|active| active.index).collect();
        let in_flight: usize = again.iter().map(|index| self.queue.jobs[*index].cost()).sum();
        again.extend(self.waiting.drain(..));
        again.sort_unstable();
        self.waiting = again.into();
        self.budget = if in_flight > 0 { self.budget.min(in_flight) / 2 } else { self.budget / 2 }.max(1);
    }

    /// Returns caches for as many slots as the budget can ever fill, of the length a usual source suggests.
    fn allocate(&mut self) -> DecoderState {
        let jobs = self.queue.jobs;
        let beams = jobs.iter().map(|job| job.config.num_beams).max().unwrap_or(1);
        let mut costs: Vec<usize> = jobs.iter().map(Job::cost).collect();
        costs.sort_unstable();
        let mut in_flight = 0;
        let fits = |cost: &&usize| {
            in_flight += **cost;
            in_flight <= self.budget
        };
        let mut sources = costs.iter().take_while(fits).count().max(1);
        if self.habits.allocates_at_once {
            let usual = costs.iter().sum::<usize>() / costs.len().max(1);
            sources = sources.min(self.budget * 5 / 4 / usual.max(1) + 1);
        }
        self.free_slots = (0..sources).rev().map(|source| source * beams).collect();
        let lengths: usize = jobs.iter().map(|job| job.source.len()).sum();
        self.model.state(sources * beams, lengths * 3 / 2 / jobs.len().max(1) + 8)
    }

    /// Takes sources while they fit and encodes them together.
    fn refill(&mut self) -> Result<(), EngineError> {
        let mut in_flight: usize = self.active.iter().map(|active| active.cost).sum();
        let mut taken = Vec::new();
        if !self.habits.refills(in_flight, self.budget) {
            return Ok(());
        }
        while taken.len() < self.free_slots.len() {
            let Some(index) = self.waiting.pop_front().or_else(|| self.queue.take()) else { break };
            let cost = self.queue.jobs[index].cost();
            // A source larger than the whole budget still runs, alone.
            if in_flight > 0 && in_flight + cost > self.budget {
                self.waiting.push_front(index);
                break;
            }
            in_flight += cost;
            taken.push(index);
        }
        let started = self.start(&taken);
        if started.is_err() {
            self.waiting.extend(taken);
        }
        started
    }

    fn start(&mut self, taken: &[usize]) -> Result<(), EngineError> {
        if taken.is_empty() {
            return Ok(());
        }
        let memories = self.encode(taken)?;
        for (index, memory) in taken.iter().zip(memories) {
            let Some(first_slot) = self.free_slots.pop() else { break };
            let job = &self.queue.jobs[*index];
            let max_length = job.config.max_length.min(self.model.max_target_tokens()).max(2);
            let config = GenerationConfig { max_length, ..job.config.clone() };
            self.active.push(Active {
                index: *index,
                search: search(&config),
                memory,
                first_slot,
                taps: vec![Vec::new(); config.num_beams],
                cost: job.cost(),
            });
        }
        Ok(())
    }

    /// Encodes sources, as many at a time as suit the device.
    fn encode(&self, taken: &[usize]) -> Result<Vec<CrossMemory>, EngineError> {
        let source = |index: &usize| self.queue.jobs[*index].source.as_slice();
        let mut memories = Vec::with_capacity(taken.len());
        let mut rest = taken;
        while !rest.is_empty() {
            let mut tokens = 0;
            let fits = |index: &&usize| {
                tokens += source(index).len();
                tokens <= self.habits.encoded_together
            };
            let (now, later) = rest.split_at(rest.iter().take_while(fits).count().max(1));
            let sources: Vec<&[u32]> = now.iter().map(source).collect();
            memories.extend(self.model.memories(&self.model.encode(&sources)?, &sources)?);
            rest = later;
        }
        Ok(memories)
    }

    fn step(&mut self, state: &mut DecoderState) -> Result<(), EngineError> {
        let lineages: Vec<Vec<u32>> = self.active.iter().flat_map(slot_lineages).collect();
        let vocabulary = self.model.vocabulary();
        let wanted: Vec<Wanted> = self.active.iter().flat_map(|active| active.search.wanted(vocabulary)).collect();
        let opens = self
            .active
            .iter()
            .flat_map(|active| active.search.open().iter().enumerate().map(move |(beam, open)| (active, beam, open)));
        let rows: Vec<Row<'_>> = opens
            .zip(&lineages)
            .zip(&wanted)
            .map(|(((active, beam, open), lineage), wanted)| Row {
                token: open.tokens.last().copied().unwrap_or_default(),
                memory: &active.memory,
                slot: active.first_slot + beam,
                lineage,
                wanted,
            })
            .collect();
        let mut output = self.model.step(state, &rows, self.tap)?;
        let (mut scores, mut taps) = (output.scores.as_mut_slice(), output.taps.into_iter());
        let mut shares = Vec::with_capacity(self.active.len());
        for active in &mut self.active {
            let open = active.search.open().len();
            let (own, rest) = scores.split_at_mut(open);
            scores = rest;
            shares.push((own, taps.by_ref().take(open).collect(), active));
        }
        match self.habits.searches_together {
            false => shares.into_iter().try_for_each(|(own, taps, active)| active.advance(own, taps)),
            true => shares.into_par_iter().try_for_each(|(own, taps, active)| active.advance(own, taps)),
        }
    }

    fn retire(&mut self, finished: &dyn Fn(usize, Hypothesis)) -> Result<(), EngineError> {
        let (ended, active): (Vec<_>, Vec<_>) = std::mem::take(&mut self.active).into_iter().partition(Active::done);
        self.active = active;
        for mut source in ended {
            self.free_slots.push(source.first_slot);
            let best = source.search.best().cloned();
            let reason = "the search ended without an output: its maximum length leaves room for none";
            let best = best.ok_or_else(|| EngineError::Unsupported(reason.into()))?;
            finished(source.index, hypothesis(&best, &mut source.taps));
        }
        Ok(())
    }
}

impl Active {
    /// Takes what a step gave for its open hypotheses and moves on.
    fn advance(&mut self, scores: &mut [Scores], taps: Vec<Vec<f32>>) -> Result<(), EngineError> {
        for (beam, tap) in taps.into_iter().enumerate() {
            let position = self.search.open()[beam].lineage.len();
            self.taps[beam].resize(position, Vec::new());
            self.taps[beam].push(tap);
        }
        if scores.iter().any(Scores::damaged) {
            return Err(EngineError::Unsupported(
                "the model gave scores that are no numbers: its weights are damaged; `summarize check MODEL` compares \
                 them with the hub's hashes"
                    .into(),
            ));
        }
        self.search.advance(scores);
        Ok(())
    }

    fn done(&self) -> bool {
        self.search.done()
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
