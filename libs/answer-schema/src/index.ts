export {
  createAnswerChecks,
  type AnswerChecks,
  type AnswerCheck,
  type SchemaCheck,
} from './answer-checks.ts'
export type { JsonSchema } from './dialect.ts'
