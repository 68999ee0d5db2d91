import { totalmem } from 'node:os'
import { BEAT_INTERVAL_MS } from '@agentfleet/domain'
import { RENEW_INTERVAL_MS, RESULT_MAX_BYTES, TOKEN_PATTERN } from '@agentfleet/protocol'
import { consulEnv, integer, natsEnv, secret, text, url } from '@agentfleet/runtime'
import { z } from 'zod'

/** The environment of a worker, beside the variables that every process has. */
export const schema = z.object({
  ...natsEnv,
  ...consulEnv,
  /** The node id: one token of a subject, stricter than the ids of other services. */
  SERVICE_ID: text({
    pattern: TOKEN_PATTERN,
    expected: '1 to 48 lower-case letters, digits or -',
  }),
  /** Attempts at once; they wait for their provider most of the time, so the processor is no measure. */
  WORKER_SLOTS: integer({ min: 1, max: 100_000, default: 512 }),
  OPENAI_API_KEY: secret().optional(),
  OPENAI_BASE_URL: url().optional(),
  /** Longest silence of a provider, before the first byte or later. */
  LLM_SILENCE_TIMEOUT_MS: integer({ min: 100, max: 3_600_000, default: 60_000 }),
  /** Longest LLM call in all; a reasoning model may take minutes. */
  LLM_CALL_TIMEOUT_MS: integer({ min: 100, max: 3_600_000, default: 600_000 }),
  /** LLM calls of one run: an agent that has not finished by then goes round in circles. */
  MAX_TURNS: integer({ min: 1, max: 1_000, default: 16 }),
  /** Largest answer of a call and largest result, bytes. */
  RESULT_LIMIT_BYTES: integer({ min: 1_024, max: RESULT_MAX_BYTES, default: RESULT_MAX_BYTES }),
  /** What the memory figure of the beat is a share of; 0: what the container or the machine has. */
  MEMORY_LIMIT_MB: integer({ min: 0, max: 16_777_216, default: 0 }),
  BEAT_INTERVAL_MS: integer({ min: 50, max: 10_000, default: BEAT_INTERVAL_MS }),
  RENEW_INTERVAL_MS: integer({ min: 100, max: 60_000, default: RENEW_INTERVAL_MS }),
})

/** What the environment turns into. */
export type WorkerConfig = Readonly<z.output<typeof schema>>

/** The memory limit in bytes, from the setting or else from the container or the machine. */
export function memoryLimitBytes(limitMb: number): number {
  if (limitMb > 0) return limitMb * 1024 * 1024
  const machine = totalmem()
  const container = process.constrainedMemory?.() ?? 0
  // Without a limit some kernels name a figure far above the machine's memory.
  return container > 0 && container < machine ? container : machine
}
