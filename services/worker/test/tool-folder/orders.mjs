import { defineTool, toolFailure } from '@agentfleet/toolkit'
import { appendFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'

/** Tools as a team would write them; tests start workers with this folder. */

/** Appends a line with the call's key to the file that the worker's environment names. */
export const appendLine = defineTool({
  name: 'append_line',
  description: 'Appends a line to the log of the test.',
  parameters: z.object({ line: z.string().max(200), ms: z.number().max(60_000).default(0) }),
  timeoutMs: 60_000,
  async run({ line, ms }, { idempotencyKey, signal }) {
    await appendFile(process.env['TOOL_LOG'], `${idempotencyKey} ${line}\n`)
    try {
      await delay(ms, undefined, { signal })
    } catch (error) {
      await appendFile(process.env['TOOL_LOG'], `${idempotencyKey} aborted\n`)
      throw error
    }
    return { line, key: idempotencyKey }
  },
})

export const nodeName = defineTool({
  name: 'node_name',
  description: 'Says which node runs it.',
  parameters: z.object({}),
  idempotent: true,
  run: () => process.env['SERVICE_ID'],
})

export const payOut = defineTool({
  name: 'pay_out',
  description: 'Pays money out.',
  parameters: z.object({ amount: z.number().positive() }),
  approval: 'required',
  run: async ({ amount }, { idempotencyKey }) => {
    await appendFile(process.env['TOOL_LOG'], `${idempotencyKey} paid ${amount}\n`)
    return `paid ${amount}`
  },
})

export const warehouse = defineTool({
  name: 'warehouse',
  description: 'Asks a warehouse that is closed.',
  parameters: z.object({}),
  run() {
    throw toolFailure('retry', 'the warehouse is closed')
  },
})

export const primes = defineTool({
  name: 'primes',
  description: 'Counts the primes below a number.',
  parameters: z.object({ below: z.int().min(0) }),
  cpuHeavy: true,
  timeoutMs: 2_000,
  run({ below }, { log }) {
    log.info('counting')
    let count = 0
    for (let n = 2; n < below; n += 1) {
      let prime = true
      for (let d = 2; d * d <= n; d += 1) {
        if (n % d === 0) {
          prime = false
          break
        }
      }
      if (prime) count += 1
    }
    return count
  },
})

export const endless = defineTool({
  name: 'endless',
  description: 'Computes without end.',
  parameters: z.object({}),
  cpuHeavy: true,
  // Every call of it costs this processor time.
  timeoutMs: 300,
  run() {
    for (;;);
  },
})
