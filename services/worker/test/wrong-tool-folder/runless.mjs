import { defineTool } from '@agentfleet/toolkit'
import { z } from 'zod'

export const misspelt = defineTool({
  name: 'misspelt',
  parameters: z.object({}),
  runn: () => 'never',
})
