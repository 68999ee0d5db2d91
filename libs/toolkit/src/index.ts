export {
  defineTool,
  isTool,
  TOOL_LIMITS,
  ToolDefinitionError,
  type ToolContext,
  type ToolLog,
  type ToolModuleTool,
  type ToolSettings,
} from './define-tool.ts'
export { isToolFailure, toolFailure, type ToolFailure } from './tool-failure.ts'
