import { shortened, type Approval, type Json } from '@agentfleet/domain'
import type { Pause } from '@agentfleet/protocol'
import type { ToolCall } from '../run/conversation.ts'
import { parseArguments } from './run-tool.ts'
import type { ToolOutput, Tools } from './tool.ts'

/** Characters of the arguments that the deciding person sees; the journal keeps the arguments completely. */
const SHOWN_MAX = 16_384

/** Whether a person must approve this call; a call that the tool would refuse needs no approval. */
export function needsApproval(tools: Tools, call: ToolCall): boolean {
  const tool = tools.get(call.name)
  if (tool?.approval !== true) return false
  const args = parseArguments(call.arguments)
  return args !== undefined && tool.check?.(args) === undefined
}

/** Returns what the run waits for until a person has decided. */
export function waitForApproval(step: number, { name, arguments: text }: ToolCall): Pause {
  const args = parseArguments(text)
  const shown = text.length > SHOWN_MAX ? shortened(text, SHOWN_MAX) : (args as Json)
  return { kind: 'approval', step, tool: name, arguments: shown }
}

/** Returns the output of a refused call for the model. */
export function refusedBy({ note }: Approval): ToolOutput {
  const reason = note === undefined || note === '' ? '' : `: ${note}`
  return { text: `A person refused this call${reason}`, error: false }
}
