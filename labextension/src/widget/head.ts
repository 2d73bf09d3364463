/* The line above a run: its name, what is going on, turn, tokens, time; Detach and Stop. */
import type { Channel } from './channel';
import { button, el } from './dom';
import type { Status } from './messages';

const GLYPHS: Record<Status['status'], string> = {
  running: '●',
  waiting: '◆',
  done: '✓',
  paused: '⏸\ufe0e',
  stopped: '■',
  failed: '✗'
};

const LATE_STOP = 2500;
const LATE_STOP_TEXT = 'stopping: the code is in a call that cannot be interrupted; Restart Kernel ends it at once';

export class Head {
  readonly element: HTMLElement;
  private readonly glyph = el('span', { class: 'nbagents-glyph', 'aria-hidden': 'true' });
  private readonly name = el('strong', { class: 'nbagents-name' });
  private readonly activity = el('span', { class: 'nbagents-activity' });
  private readonly badge = el('span', { class: 'nbagents-badge', hidden: '' }, 'runs unasked');
  private readonly counts = el('span', { class: 'nbagents-counts' });
  private readonly detach: HTMLButtonElement;
  private readonly stop: HTMLButtonElement;
  private readonly timer: number;
  private status: Status | null = null;
  private began = 0;

  constructor(private readonly channel: () => Channel) {
    this.detach = button('Detach', 'nbagents-quiet', () => this.act(this.detach, 'detach', 'detaching…'));
    this.stop = button('Stop', 'nbagents-quiet nbagents-stop', () => {
      this.act(this.stop, 'stop', 'stopping…');
      window.setTimeout(() => this.tellOfLateStop(), LATE_STOP);
    });
    this.detach.title = 'End the cell and free the kernel; the run goes on';
    this.stop.title = 'End the run and everything in it';
    this.badge.title = "The agents' code runs in this notebook's kernel without your approval";
    const left = el('div', { class: 'nbagents-headline' }, this.glyph, this.name, this.activity, this.badge);
    const right = el('div', { class: 'nbagents-controls' }, this.counts, this.detach, this.stop);
    this.element = el('header', { class: 'nbagents-head' }, left, right);
    this.timer = window.setInterval(() => this.count(), 1000);
  }

  close(): void {
    clearInterval(this.timer);
  }

  show(run: string | null, status: Status): void {
    if (run !== null) this.name.textContent = run;
    this.status = status;
    this.began = Date.now() - status.seconds * 1000;
    this.element.dataset.status = status.status;
    this.glyph.textContent = GLYPHS[status.status];
    this.activity.textContent = status.activity;
    this.activity.title = status.activity;
    this.badge.hidden = !status.unasked;
    this.stop.hidden = !this.live;
    this.detach.hidden = !this.live || status.detached;
    this.count();
  }

  private get live(): boolean {
    return this.status?.status === 'running' || this.status?.status === 'waiting';
  }

  private count(): void {
    if (!this.status) return;
    const { turn, turns, tokens, cost, seconds } = this.status;
    const elapsed = this.live ? Math.max(0, Date.now() - this.began) / 1000 : seconds;
    const turned = turn ? `turn ${turn}${turns && this.live ? ` of ${turns}` : ''}` : '';
    const parts = [turned, tokens && `${tokens} tokens`, cost, clock(elapsed)];
    this.counts.textContent = parts.filter(Boolean).join(' · ');
  }

  /** Code in a call that lets no interrupt in keeps the kernel from saying anything: the page has to. */
  private tellOfLateStop(): void {
    if (!this.live || !this.status?.activity.startsWith('running block')) return;
    this.activity.textContent = LATE_STOP_TEXT;
    this.activity.title = LATE_STOP_TEXT;
  }

  private act(pressed: HTMLButtonElement, t: 'detach' | 'stop', doing: string): void {
    const text = pressed.textContent;
    pressed.disabled = true;
    pressed.textContent = doing;
    const back = (): void => {
      pressed.disabled = false;
      pressed.textContent = text;
    };
    this.channel().act({ t }, { acknowledged: () => undefined, refused: back, silent: back });
  }
}

function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const pad = (n: number): string => String(n).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}
