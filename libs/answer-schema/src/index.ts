export {
  createAnswerChecks,
  type AnswerChecks,
  type AnswerVerdict,
  type SchemaVerdict,
} from './answer-checks.ts'
export type { JsonSchema } from './dialect.ts'
