import { defineTool } from '@agentfleet/toolkit'
import { z } from 'zod'

export const unnamed = defineTool({
  name: 'a name with blanks',
  description: '',
  parameters: z.string(),
  timeoutMs: 0,
  run: () => 'never',
})
