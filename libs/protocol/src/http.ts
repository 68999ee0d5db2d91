import type { components, operations } from './generated/openapi.ts'

/** The types of the HTTP and WebSocket API, as openapi.yaml defines them. */
type Schemas = components['schemas']

/** A submission as clients send it. */
export type TaskRequest = Schemas['TaskRequest']
/** A person's answer to a step that waits for it, as clients send it. */
export type ApprovalRequest = Schemas['ApprovalRequest']
/** A submission whose defaults are filled in. */
export type FilledTaskRequest = TaskRequest &
  Required<Pick<TaskRequest, 'cpu' | 'memory' | 'priority' | 'maxAttempts' | 'placement'>>
/** The definition of an agent as clients write it. */
export type AgentDefinitionView = Schemas['AgentDefinition']
/** A defined agent. */
export type AgentView = Schemas['Agent']
/** A defined agent as listings show it. */
export type AgentSummary = Schemas['AgentSummary']
/** All defined agents. */
export type AgentList = Schemas['AgentList']
/** The known versions of an agent's definition. */
export type AgentVersions = Schemas['AgentVersions']
/** A model that tasks may name. */
export type ModelView = Schemas['Model']
/** All models that tasks may name. */
export type ModelList = Schemas['ModelList']
/** A tool that agents may name. */
export type ToolView = Schemas['Tool']
/** All tools that agents may name. */
export type ToolList = Schemas['ToolList']
/** Why an MCP server does not offer every configured tool. */
export type McpProblemView = Schemas['McpProblem']
/** Which ended task to replay, and from where. */
export type ReplayRequest = Schemas['ReplayRequest']
/** Which ended tasks to replay. */
export type ReplayQuery = Schemas['ReplayQuery']
/** Outcome of the replay of one ended task. */
export type ReplayResult = Schemas['ReplayResult']
/** Outcome of a replay by filter. */
export type ReplayPage = Schemas['ReplayPage']
/** Many submissions in one request. */
export type BatchRequest = Schemas['BatchRequest']
/** Outcome of each submission of a batch. */
export type BatchResponse = Schemas['BatchResponse']
/** Outcome of one submission of a batch. */
export type BatchResult = Schemas['BatchResult']
/** A task as clients see it. */
export type TaskView = Schemas['Task']
/** The wait of a waiting task. */
export type WaitingView = Schemas['Waiting']
/** A goal as clients send it. */
export type GoalRequest = Schemas['GoalRequest']
/** A goal as clients see it. */
export type GoalView = Schemas['Goal']
type StatsPoint = Schemas['StatsPoint']
type Measured = 'waitMs' | 'firstTokenMs'
/** What happened to tasks over time; each point has every figure that exists for its step. */
export type TaskSeries = Omit<Schemas['TaskSeries'], 'series'> & {
  series: {
    key?: string
    points: (Required<Omit<StatsPoint, Measured>> & Pick<StatsPoint, Measured>)[]
  }[]
}
/** Chosen figures of what happened to tasks over time. */
export type ChosenSeries = Schemas['TaskSeries']
/** A figure of what happened to tasks. */
export type StatsFigure = Schemas['StatsFigure']
/** The limits of a tenant, and how much of each it uses. */
export type TenantLimitsView = Schemas['TenantLimits']
/** The queues of tasks that wait for a node. */
export type QueueList = Schemas['QueueList']
/** One page of goals. */
export type GoalPage = Schemas['GoalPage']
/** A plan of a goal. */
export type PlanView = Schemas['GoalPlan']
/** The text that a running attempt has written so far. */
export type TaskText = Schemas['TaskText']
/** One finished call of a task, with what it got and what it answered. */
export type TaskCall = Schemas['TaskCall']
/** A message that a model got. */
export type CallMessage = Schemas['CallMessage']
/** A text of a call, or its beginning. */
export type CallText = Schemas['CallText']
/** A schedule as clients send it. */
export type ScheduleRequest = Schemas['ScheduleRequest']
/** A cron expression whose next ticks a client wants to see. */
export type SchedulePreviewRequest = Schemas['SchedulePreviewRequest']
/** A schedule as clients see it. */
export type ScheduleView = Schemas['Schedule']
/** The next ticks of a schedule, and its last ticks. */
export type ScheduleTicks = Schemas['ScheduleTicks']
/** One page of the list of schedules. */
export type ScheduleList = Schemas['ScheduleList']
/** A task as listings show it. */
export type TaskSummary = Schemas['TaskSummary']
/** One page of a listing. */
export type TaskPage = Schemas['TaskPage']
/** How many tasks match, by group. */
export type TaskCounts = Schemas['TaskCounts']
/** Which tasks to cancel. */
export type BulkCancelRequest = Schemas['BulkCancelRequest']
/** Outcome of a bulk cancellation. */
export type BulkCancelPage = Schemas['BulkCancelPage']
/** An event as clients see it. */
export type EventView = Schemas['Event']
/** An event with its sequence. */
export type HistoryEvent = Schemas['HistoryEvent']
/** All events of a task. */
export type TaskHistory = Schemas['TaskHistory']
/** The nodes behind the gateway. */
export type FleetView = Schemas['Fleet']
/** The usage of a tenant, or of the fleet. */
export type UsageReport = Schemas['UsageReport']
/** One node of the fleet. */
export type NodeView = Schemas['Node']
/** The figures of all nodes, one list for each figure. */
export type NodeColumns = Schemas['NodeColumns']
/** One node with the caller's tasks on it. */
export type NodeDetail = Schemas['NodeDetail']
/** Why a task is on its node. */
export type PlacementView = Schemas['Placement']
/** A decision of the control plane with its outcomes. */
export type DecisionView = Schemas['Decision']
/** One page of decisions. */
export type DecisionPage = Schemas['DecisionPage']
/** An incident as clients see it. */
export type IncidentView = Schemas['Incident']
/** One page of incidents. */
export type IncidentPage = Schemas['IncidentPage']
/** The parts of the fleet that a client can follow on the stream. */
export type FleetTopic = Schemas['FleetTopic']
/** A key to make, as clients send it. */
export type KeyRequest = Schemas['KeyRequest']
/** How to rotate a key. */
export type KeyRotation = Schemas['KeyRotation']
/** A key of the API, without its secret. */
export type KeyView = Schemas['Key']
/** A key with its secret, which is shown once. */
export type KeyCreated = Schemas['KeyCreated']
/** One page of keys. */
export type KeyPage = Schemas['KeyPage']
/** The caller of a request. */
export type MeView = Schemas['Me']
/** A ticket for one stream. */
export type TicketView = Schemas['Ticket']
/** A change, or equal refusals of one second. */
export type AuditEventView = Schemas['AuditEvent']
/** One page of the audit log. */
export type AuditPage = Schemas['AuditPage']
/** An error in the form of RFC 9457. */
export type Problem = Schemas['Problem']
/** One fault in a request. */
export type FieldError = Schemas['FieldError']
/** A message from a client on the stream. */
export type ClientFrame = Schemas['ClientFrame']
/** A message to a client on the stream. */
export type ServerFrame = Schemas['ServerFrame']
/** A stored event on the stream. */
export type EventFrame = Schemas['EventFrame']
/** A streamed piece of a running attempt. */
export type DeltaFrame = Schemas['DeltaFrame']
/** A decision on the stream. */
export type DecisionFrame = Schemas['DecisionFrame']
/** The numbers of tasks and of the fleet on the stream. */
export type StatsFrame = Schemas['StatsFrame']
/** The nodes that have changed. */
export type NodesFrame = Schemas['NodesFrame']
/** An incident on the stream. */
export type IncidentFrame = Schemas['IncidentFrame']
/** The answer to a subscription. */
export type SubscribedFrame = Schemas['SubscribedFrame']
/** A refusal on the stream. */
export type ErrorFrame = Schemas['ErrorFrame']
type ReadOnly<Query> = {
  readonly [Name in keyof Query]: Exclude<Query[Name], undefined> extends (infer Each)[]
    ? readonly Each[]
    : Query[Name]
}
/** The query of an operation, by its operationId, as clients send it. */
export type QueryOf<O extends keyof operations> = ReadOnly<
  NonNullable<operations[O]['parameters']['query']>
>
/** A query whose parameters with a default are filled in. */
export type FilledQueryOf<
  O extends keyof operations,
  Filled extends keyof QueryOf<O>,
> = QueryOf<O> & Required<Pick<QueryOf<O>, Filled>>
