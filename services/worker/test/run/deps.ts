import { createAnswerChecks } from '@agentfleet/answer-schema'
import { createLogger, createRegistry, systemClock } from '@agentfleet/runtime'
import { createMetrics } from '../../src/metrics.ts'
import type { AgentDeps } from '../../src/run/turn.ts'

const nothing = (): void => undefined
const figure = (): number => 0

/** A model that makes no calls. */
export const NO_LLM: AgentDeps['llm'] = {
  call: () => Promise.reject(new Error('no call is made')),
  sweep: nothing,
  progress: () => ({ calling: 0, heard: 0, ended: 0, throttled: 0 }),
  waiting: figure,
  providers: () => [],
  requests: () => [],
  close: nothing,
}

/** The dependencies of an agent without a model and without tools. */
export function agentDeps(change: Partial<AgentDeps>): AgentDeps {
  const read = { providers: NO_LLM.providers, requests: NO_LLM.requests }
  const figures = { running: figure, lagMs: figure, waiting: figure, ...read }
  return {
    llm: NO_LLM,
    tools: () => new Map(),
    tenantTools: undefined,
    answerChecks: createAnswerChecks(),
    deltas: { started: nothing, text: nothing, tool: nothing, flush: nothing },
    clock: systemClock,
    random: () => 0,
    log: createLogger({ service: 'test', id: 'test', level: 'silent' }),
    metrics: createMetrics(createRegistry('worker'), figures),
    turnsMax: 4,
    resultBytesMax: 1_024,
    journalBytesMax: 8_192,
    toolOutputMax: 1_024,
    noticePause: nothing,
    commit: () => Promise.resolve(true),
    spawn: () => Promise.reject(new Error('nothing is delegated')),
    ...change,
  }
}
