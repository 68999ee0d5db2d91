import { connectBus, tailLog, type Logger } from '@agentfleet/adapters'
import type { FleetAccess } from '@agentfleet/local'
import type { LoggedEvent } from './history.ts'

/**
 * Reads the log behind this sequence, as the operator of the fleet: every event once, in order. `caughtUp` resolves
 * when every event stored so far has been read.
 */
export async function followLog(
  { natsUrl, operator }: Pick<FleetAccess, 'natsUrl' | 'operator'>,
  afterSeq: number,
  options: {
    readonly receive: (event: LoggedEvent) => void
    readonly note: (line: string) => void
  },
) {
  const say = (object: object, message?: string): void =>
    options.note(`${message ?? ''} ${'err' in object ? String(object.err) : ''}`)
  const silent = (): void => undefined
  const log: Logger = { debug: silent, info: silent, warn: say, error: say }
  const inboxPrefix = '_INBOX_demo'
  const bus = await connectBus({ url: natsUrl, ...operator, name: 'demo', inboxPrefix, log })
  const tail = tailLog(bus, {
    afterSeq,
    log,
    receive: ({ taskId, event, storedAtMs }) =>
      options.receive({
        taskId,
        type: event.type,
        atMs: event.atMs,
        storedAtMs,
        ...('usage' in event && event.usage ? { llmCalls: event.usage.llmCalls } : {}),
      }),
  })
  return {
    caughtUp: tail.caughtUp,
    async close() {
      await tail.close()
      await bus.close()
    },
  }
}
