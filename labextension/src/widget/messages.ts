/* What the kernel and a view say to each other; the kernel's side is nbagents/widgets/screen.py and replies.py. */

export interface Item {
  id: string;
  kind: 'task' | 'said' | 'thought' | 'block' | 'asked' | 'toolcall' | 'resumed' | 'draft';
  agent: string;
  turn: number;
  title: string;
  state: string;
  label: string;
  /** Made and cleaned in the kernel. */
  html: string;
  /** Of a draft: the part that may still change. */
  tail?: string;
}

export interface Status {
  status: 'running' | 'waiting' | 'done' | 'paused' | 'stopped' | 'failed';
  activity: string;
  turn: number;
  turns: number | null;
  tokens: string;
  cost: string;
  seconds: number;
  detached: boolean;
  unasked: boolean;
}

export interface Question {
  id: string;
  item: string;
  agent: string;
  kind: 'approval' | 'reply';
  code?: string;
  number?: number;
  prompt?: string;
}

export type Op =
  | { op: 'put'; item: Item; after: string | null }
  | { op: 'text'; id: string; html: string; tail: string }
  | { op: 'drop'; id: string }
  | { op: 'status'; status: Status }
  | { op: 'question'; question: Question | null };

export interface Snapshot {
  t: 'snapshot';
  view: string;
  seq: number;
  run: string;
  status: Status;
  items: Item[];
  question: Question | null;
}

export type FromKernel =
  | Snapshot
  | { t: 'delta'; seq: number; ops: Op[] }
  | { t: 'seq'; seq: number }
  | { t: 'ack'; id: string }
  | { t: 'refused'; id: string; message: string };

export type Action =
  | { t: 'answer'; question: string; decision: string; text?: string; code?: string }
  | { t: 'detach' }
  | { t: 'stop' };
