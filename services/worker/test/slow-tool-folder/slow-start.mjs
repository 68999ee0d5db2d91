import { setTimeout as delay } from 'node:timers/promises'
import { isMainThread } from 'node:worker_threads'
import { defineTool } from '@agentfleet/toolkit'
import { z } from 'zod'

// A thread takes longer for this module than one of its calls may take.
if (!isMainThread) await delay(400)

export const slowStart = defineTool({
  name: 'slow_start',
  description: 'Answers at once, after a slow start.',
  parameters: z.object({}),
  timeoutMs: 300,
  cpuHeavy: true,
  run: () => 'started',
})
