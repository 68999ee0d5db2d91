import { createServer } from 'node:http'
import { listen } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { createLocalOrchestrator } from '../src/local.ts'

const quiet = (): void => undefined
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet }

test.each(['', '{nonsense', 'null', '[]', '{"workers":[{"id":1}]}'])(
  'a list of workers that reads %j is refused with the code of an unavailable orchestrator',
  async (text) => {
    const control = await listen(createServer((_, response) => void response.end(text)))
    const { url } = control
    const driver = createLocalOrchestrator({ url, token: undefined, drain: async () => true, log })
    await expect(driver.list()).rejects.toMatchObject({
      code: 'orchestrator-unavailable',
      message: 'the control API sent an unreadable list of workers',
    })
    await control.close()
  },
)
