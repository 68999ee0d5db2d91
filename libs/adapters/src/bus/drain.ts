import { CHANNELS } from '@agentfleet/protocol'
import type { Bus } from './bus.ts'

/** A node answers first and drains afterwards, milliseconds. */
const ANSWER_WITHIN_MS = 1_000

/** Asks a node to finish its work and exit; true when it answered. A node may be asked repeatedly. */
export async function askToDrain(bus: Bus, nodeId: string): Promise<boolean> {
  const answer = await bus.ask(CHANNELS.drain, {}, ANSWER_WITHIN_MS, { nodeId })
  return answer.kind === 'reply'
}
