import type { components } from './generated/openapi.ts'

/** What crosses the HTTP and WebSocket boundary, as openapi.yaml defines it. */
type Schemas = components['schemas']

/** A submission as clients send it. */
export type TaskRequest = Schemas['TaskRequest']
/** Somebody's word on a step that waits for it, as clients send it. */
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
/** Which ended task is to be run again, and from where. */
export type ReplayRequest = Schemas['ReplayRequest']
/** Which ended tasks are to be run again. */
export type ReplayQuery = Schemas['ReplayQuery']
/** What became of the replay of one ended task. */
export type ReplayResult = Schemas['ReplayResult']
/** What became of a replay by filter. */
export type ReplayPage = Schemas['ReplayPage']
/** Many submissions in one request. */
export type BatchRequest = Schemas['BatchRequest']
/** What became of each submission of a batch. */
export type BatchResponse = Schemas['BatchResponse']
/** What became of one submission of a batch. */
export type BatchResult = Schemas['BatchResult']
/** A task as clients see it. */
export type TaskView = Schemas['Task']
/** What a waiting task waits for. */
export type WaitingView = Schemas['Waiting']
/** A goal as clients send it. */
export type GoalRequest = Schemas['GoalRequest']
/** A goal as clients see it. */
export type GoalView = Schemas['Goal']
/** A plan of a goal. */
export type PlanView = Schemas['GoalPlan']
/** A schedule as clients send it. */
export type ScheduleRequest = Schemas['ScheduleRequest']
/** A schedule as clients see it. */
export type ScheduleView = Schemas['Schedule']
/** A task as listings show it. */
export type TaskSummary = Schemas['TaskSummary']
/** One page of a listing. */
export type TaskPage = Schemas['TaskPage']
/** An event as clients see it. */
export type EventView = Schemas['Event']
/** An event with its sequence. */
export type HistoryEvent = Schemas['HistoryEvent']
/** All events of a task. */
export type TaskHistory = Schemas['TaskHistory']
/** The nodes behind the gateway. */
export type FleetView = Schemas['Fleet']
/** What a tenant, or the fleet, has used. */
export type UsageReport = Schemas['UsageReport']
/** One node of the fleet. */
export type NodeView = Schemas['Node']
/** Totals of the cluster at an instant. */
export type TotalsView = Schemas['Totals']
/** Why a task went where it went. */
export type PlacementView = Schemas['Placement']
/** A decision of the control plane with what came of it. */
export type DecisionView = Schemas['Decision']
/** One page of decisions. */
export type DecisionPage = Schemas['DecisionPage']
/** An incident as clients see it. */
export type IncidentView = Schemas['Incident']
/** One page of incidents. */
export type IncidentPage = Schemas['IncidentPage']
/** What of the fleet can be followed on the stream. */
export type FleetTopic = Schemas['FleetTopic']
/** An error as RFC 9457 has it. */
export type Problem = Schemas['Problem']
/** One wrong place in a request. */
export type FieldError = Schemas['FieldError']
/** What a client sends on the stream. */
export type ClientFrame = Schemas['ClientFrame']
/** What the stream sends. */
export type ServerFrame = Schemas['ServerFrame']
/** A stored event on the stream. */
export type EventFrame = Schemas['EventFrame']
/** A streamed piece of a running attempt. */
export type DeltaFrame = Schemas['DeltaFrame']
/** A decision on the stream. */
export type DecisionFrame = Schemas['DecisionFrame']
/** An incident on the stream. */
export type IncidentFrame = Schemas['IncidentFrame']
/** What a subscription was answered with. */
export type SubscribedFrame = Schemas['SubscribedFrame']
/** A refusal on the stream. */
export type ErrorFrame = Schemas['ErrorFrame']
/** Every operation of the API, by its operationId. */
export type { operations as Operations } from './generated/openapi.ts'
