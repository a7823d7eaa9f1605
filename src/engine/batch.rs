//! Scheduling: which sources are in flight, on which thread, and in which cache slots.
//!
//! Separate so that search knows one source and the model knows one step. A worker keeps a fixed budget of tokens in
//! flight and takes the next source as soon as one is finished (continuous batching, Yu et al. 2022); one worker a
//! core beats threads inside a product. The invariant: what a source gives does not depend on its company.

mod on_device;
mod on_host;

use super::{
    EngineError,
    arch::{DecoderState, Seq2Seq},
    decode::{Hypothesis, resident},
    generation::GenerationConfig,
    kernels::{
        cache::{CrossMemory, Tap},
        device,
    },
    room::Habits,
};
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
    /// Searches are done on the host even where the model's device could do them.
    pub on_host: bool,
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
        let means = Means { model, tap: schedule.tap, habits: Habits::on(model.device()) };
        let outcome = match !schedule.on_host && searches_itself(model, jobs) {
            true => Worker::<on_device::Resident>::new(means, &queue, budget).run(sink.finished),
            false => Worker::<on_host::OnHost>::new(means, &queue, budget).run(sink.finished),
        };
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

/// Returns true where a model's device can do every search that is asked for.
fn searches_itself(model: &dyn Seq2Seq, jobs: &[Job]) -> bool {
    device::searches(model.device()) && jobs.iter().all(|job| resident::suits(&job.config, model.vocabulary()))
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
struct Active<S> {
    index: usize,
    search: S,
    memory: CrossMemory,
    /// Beam `b` writes to slot `first_slot + b`.
    first_slot: usize,
    cost: usize,
}

/// What searches ended with.
type Outputs = Result<Vec<Option<Hypothesis>>, EngineError>;

/// The search for one source, wherever it is done.
trait Searching: Sized {
    /// Returns a search at the start token; its hypotheses have slots from this one on.
    fn begin(config: GenerationConfig, first_slot: usize) -> Self;

    /// Runs every source one position on.
    fn step(active: &mut [Active<Self>], means: Means<'_>, state: &mut DecoderState) -> Result<(), EngineError>;

    /// Returns true when the output is final.
    fn done(&self) -> bool;

    /// Returns the outputs of sources that are done; none for one that ended without.
    fn outputs(ended: &[Active<Self>], means: Means<'_>, state: &mut DecoderState) -> Outputs;
}

/// What a step is run with.
#[derive(Clone, Copy)]
struct Means<'a> {
    model: &'a dyn Seq2Seq,
    tap: Option<Tap>,
    habits: Habits,
}

struct Worker<'a, S> {
    means: Means<'a>,
    queue: &'a Queue<'a>,
    budget: usize,
    active: Vec<Active<S>>,
    free_slots: Vec<usize>,
    /// Jobs taken from the queue that did not fit yet, in their order.
    waiting: VecDeque<usize>,
}

impl<'a, S: Searching> Worker<'a, S> {
    fn new(means: Means<'a>, queue: &'a Queue<'a>, budget: usize) -> Worker<'a, S> {
        Worker { means, queue, budget, active: Vec::new(), free_slots: Vec::new(), waiting: VecDeque::new() }
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
        S::step(&mut self.active, self.means, state)?;
        self.retire(state, finished)?;
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
        if self.means.habits.allocates_at_once {
            let usual = costs.iter().sum::<usize>() / costs.len().max(1);
            sources = sources.min(self.budget * 5 / 4 / usual.max(1) + 1);
        }
        self.free_slots = (0..sources).rev().map(|source| source * beams).collect();
        let lengths: usize = jobs.iter().map(|job| job.source.len()).sum();
        self.means.model.state(sources * beams, lengths * 3 / 2 / jobs.len().max(1) + 8)
    }

    /// Takes sources while they fit and encodes them together.
    fn refill(&mut self) -> Result<(), EngineError> {
        let mut in_flight: usize = self.active.iter().map(|active| active.cost).sum();
        let mut taken = Vec::new();
        if !self.means.habits.refills(in_flight, self.budget) {
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
            let max_length = job.config.max_length.min(self.means.model.max_target_tokens()).max(2);
            let config = GenerationConfig { max_length, ..job.config.clone() };
            self.active.push(Active {
                index: *index,
                search: S::begin(config, first_slot),
                memory,
                first_slot,
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
                tokens <= self.means.habits.encoded_together
            };
            let (now, later) = rest.split_at(rest.iter().take_while(fits).count().max(1));
            let sources: Vec<&[u32]> = now.iter().map(source).collect();
            memories.extend(self.means.model.memories(&self.means.model.encode(&sources)?, &sources)?);
            rest = later;
        }
        Ok(memories)
    }

    /// Hands out what is done.
    fn retire(&mut self, state: &mut DecoderState, finished: &dyn Fn(usize, Hypothesis)) -> Result<(), EngineError> {
        let (ended, active): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.active).into_iter().partition(|source| source.search.done());
        self.active = active;
        if ended.is_empty() {
            return Ok(());
        }
        let outputs = match S::outputs(&ended, self.means, state) {
            Ok(outputs) => outputs,
            Err(error) => {
                // Where memory is what is missing, they begin anew with the others.
                self.active.extend(ended);
                return Err(error);
            }
        };
        for (source, output) in ended.iter().zip(outputs) {
            self.free_slots.push(source.first_slot);
            let reason = "the search ended without an output: its maximum length leaves room for none";
            finished(source.index, output.ok_or_else(|| EngineError::Unsupported(reason.into()))?);
        }
        Ok(())
    }
}

/// Returns the error of scores that are no numbers.
fn damaged() -> EngineError {
    EngineError::Unsupported(
        "the model gave scores that are no numbers: its weights are damaged; `summarize check MODEL` compares them with the \
         hub's hashes"
            .into(),
    )
}
