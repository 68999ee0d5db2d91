import { SAMPLING_FIELDS, type SentFields } from '../../src/provider/request/capabilities.ts'

/** A request with every field that a provider may refuse, and no texts. */
export const SENT_FIELDS: SentFields = {
  names: [
    'model',
    'messages',
    'tools',
    'stream',
    'stream_options',
    ...SAMPLING_FIELDS,
    'max_completion_tokens',
    'response_format',
  ],
  hasSystem: true,
  hasToolCalls: true,
  hasReasoning: false,
  hasSignatures: false,
  toolsOptional: true,
  contents: [],
}
