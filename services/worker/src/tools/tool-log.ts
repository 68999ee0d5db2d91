import type { Logger } from '@agentfleet/adapters'
import type { ToolLog } from '@agentfleet/toolkit'

/** Creates a logger whose lines name the call of the tool. */
export function toolLog(log: Logger, taskId: string, step: number, tool: string): ToolLog {
  const base = { taskId, step, tool }
  return {
    info: (message, fields) => log.info({ ...fields, ...base }, message),
    warn: (message, fields) => log.warn({ ...fields, ...base }, message),
    error: (message, fields) => log.error({ ...fields, ...base }, message),
  }
}
