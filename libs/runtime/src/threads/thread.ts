import { setFlagsFromString } from 'node:v8'
import { Worker, type WorkerOptions } from 'node:worker_threads'

/**
 * MB of the young generation of a thread. V8 lets a thread that reaches its limit exceed it by 16 MB until the thread
 * has ended; if one collection moves more into the old generation, V8 ends the whole process.
 */
const YOUNG_MAX_MB = 24

/**
 * Starts a thread with at most this memory, MB: a thread that needs more ends with the error ERR_WORKER_OUT_OF_MEMORY,
 * and the process continues.
 */
export function startThread(file: URL, heapMaxMb: number, options: WorkerOptions = {}): Worker {
  // The size that the command line gives to the young generation of the process would apply to its threads, in spite
  // of their limits. The heap of the process exists already and keeps its size.
  setFlagsFromString('--max-semi-space-size=0')
  const limits = { maxOldGenerationSizeMb: heapMaxMb, maxYoungGenerationSizeMb: YOUNG_MAX_MB }
  return new Worker(file, { ...options, resourceLimits: limits })
}
