#!/bin/bash
# A Slurm array job: each task translates one slice of the inputs into the same folder.
#
#     array=$(sbatch --parsable distributed/slurm.sh inputs -o outputs --model opus-mt-ar-en --offline)
#     sbatch --dependency=afterany:$array --wrap 'summarize inputs -o outputs --model opus-mt-ar-en --offline'
#
# The second job finds the documents done, loads no model, and writes index.md and run.json of the whole; what a slice
# left undone it translates. A slice that failed is submitted again with `sbatch --array=3 distributed/slurm.sh ...`.
# The folders must be on a disk that all nodes share, and `summarize` on the PATH.
#
#SBATCH --job-name=summarize
#SBATCH --array=1-16
#SBATCH --cpus-per-task=8
#SBATCH --mem=8G
#SBATCH --time=12:00:00
# Five minutes before the time is up: articles under way are finished then, and the rest is for the next submission.
#SBATCH --signal=B:TERM@300
# On GPUs: #SBATCH --gpus-per-task=1
set -eu

# Slices count from 1, as the array above does. Not SLURM_ARRAY_TASK_COUNT: of one slice submitted again it is 1.
slices=16

# In place of the shell, which would end at a signal and take `summarize` with it.
exec summarize "$@" --shard "$SLURM_ARRAY_TASK_ID/$slices" ${SLURM_CPUS_PER_TASK:+--threads "$SLURM_CPUS_PER_TASK"}
