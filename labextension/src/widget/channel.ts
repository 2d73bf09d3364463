/*
 * The wire of one view: numbered deltas in, actions out.
 *
 * A view begins with `hello` and waits for its snapshot. Deltas are applied in animation frames; a number that is
 * missing means that the server dropped something, and the view asks for everything anew. So that the loss of the last
 * delta is noticed too, the kernel says its number again when it has become quiet.
 */
import type { Action, FromKernel, Op, Snapshot } from './messages';

interface Model {
  on(event: string, callback: (message: FromKernel) => void): void;
  off(event: string, callback: (message: FromKernel) => void): void;
  send(message: unknown): void;
}

export interface Screen {
  snapshot(snapshot: Snapshot): void;
  apply(ops: Op[]): void;
}

/** What becomes of an action: the kernel got it, refused it, or said nothing for a while. */
export interface Fate {
  acknowledged(): void;
  refused(message: string): void;
  silent(): void;
}

const PATIENCE = 3000;

interface Sent {
  fate: Fate;
  timer: number;
}

export class Channel {
  private readonly view = Math.random().toString(36).slice(2);
  private readonly sent = new Map<string, Sent>();
  private seq: number | null = null;
  private waiting: Op[] = [];
  private frame = 0;
  private count = 0;

  constructor(
    private readonly model: Model,
    private readonly screen: Screen,
  ) {
    model.on('msg:custom', this.receive);
    model.send({ t: 'hello', view: this.view });
  }

  close(): void {
    this.model.off('msg:custom', this.receive);
    cancelAnimationFrame(this.frame);
    for (const { timer } of this.sent.values()) clearTimeout(timer);
    this.model.send({ t: 'bye', view: this.view });
  }

  act(action: Action, fate: Fate): void {
    const id = `${this.view}-${++this.count}`;
    const timer = window.setTimeout(() => fate.silent(), PATIENCE);
    this.sent.set(id, { fate, timer });
    this.model.send({ ...action, id });
  }

  private readonly receive = (message: FromKernel): void => {
    if (message.t === 'snapshot') {
      if (message.view !== this.view) return;
      this.seq = message.seq;
      this.waiting = [];
      this.screen.snapshot(message);
    } else if (message.t === 'delta') {
      this.delta(message.seq, message.ops);
    } else if (message.t === 'seq') {
      if (this.seq !== null && message.seq > this.seq) this.resync();
    } else {
      const sent = this.sent.get(message.id);
      if (!sent) return;
      clearTimeout(sent.timer);
      if (message.t === 'ack') sent.fate.acknowledged();
      else sent.fate.refused(message.message);
    }
  };

  private delta(seq: number, ops: Op[]): void {
    if (this.seq === null || seq <= this.seq) return;
    if (seq > this.seq + 1) {
      this.resync();
      return;
    }
    this.seq = seq;
    this.waiting.push(...ops);
    if (!this.frame) this.frame = this.nextFrame(this.draw);
  }

  private resync(): void {
    this.seq = null;
    this.model.send({ t: 'resync', view: this.view });
  }

  /* No frames are drawn in a hidden tab, where the queue would only grow. */
  private nextFrame(draw: () => void): number {
    return document.hidden ? window.setTimeout(draw, 250) : requestAnimationFrame(draw);
  }

  private readonly draw = (): void => {
    this.frame = 0;
    const ops = this.waiting;
    this.waiting = [];
    this.screen.apply(ops);
  };
}
