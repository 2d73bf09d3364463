/* The live view of a run: an anywidget that shows what the kernel sends and sends what the person decides. */
import { Approval } from './approval';
import type { Asking } from './asking';
import { Channel, type Screen } from './channel';
import { el } from './dom';
import { Head } from './head';
import { Log } from './log';
import type { Item, Op, Question, Snapshot } from './messages';
import { Reply } from './reply';

class RunView implements Screen {
  private readonly head = new Head(() => this.channel);
  private readonly log = new Log();
  private readonly spoken = el('div', { class: 'nbagents-spoken', role: 'status', 'aria-live': 'polite' });
  private readonly root = el('article', { class: 'nbagents-run' }, this.head.element, this.log.element, this.spoken);
  private readonly channel: Channel;
  private asking: Asking | null = null;

  constructor(model: ConstructorParameters<typeof Channel>[0], el: HTMLElement) {
    this.root.addEventListener('keydown', keepKeys);
    el.append(this.root);
    this.channel = new Channel(model, this);
  }

  close(): void {
    this.channel.close();
    this.head.close();
    this.root.remove();
  }

  snapshot({ run, status, items, question }: Snapshot): void {
    this.root.setAttribute('aria-label', `Run ${run}`);
    this.head.show(run, status);
    this.log.name(run);
    this.log.reset(items);
    this.ask(question);
    this.log.settle();
  }

  apply(ops: Op[]): void {
    for (const op of ops) this.applyOne(op);
    this.log.settle();
  }

  private applyOne(op: Op): void {
    switch (op.op) {
      case 'put':
        this.log.put(op.item, op.after);
        this.speak(op.item);
        break;
      case 'text':
        this.log.write(op.id, op.html, op.tail);
        break;
      case 'drop':
        this.log.drop(op.id);
        break;
      case 'status':
        this.head.show(null, op.status);
        if (!['running', 'waiting'].includes(op.status.status)) this.spoken.textContent = `Run ${op.status.activity}`;
        break;
      case 'question':
        this.ask(op.question);
    }
  }

  private ask(question: Question | null): void {
    if (question && question.id === this.asking?.question.id) return;
    const focused = this.root.contains(document.activeElement);
    // The reader's place is kept until the next question comes.
    if (this.asking?.element.contains(document.activeElement)) this.log.element.focus({ preventScroll: true });
    this.asking?.element.remove();
    this.asking = null;
    if (!question) return;
    const asking = question.kind === 'approval' ? Approval : Reply;
    this.asking = new asking(question, () => this.channel);
    this.log.slot(question.item)?.append(this.asking.element);
    if (focused) this.asking.focus();
  }

  /** Screen readers hear what is finished, not each word of it. */
  private speak(item: Item): void {
    if (item.kind === 'block') this.spoken.textContent = `block ${item.title.split(' ')[1]} of ${item.agent}: ${item.label}`;
    else if (item.kind === 'said') this.spoken.textContent = `${item.agent} said something`;
    else if (item.kind === 'asked' && !item.html) this.spoken.textContent = 'it is your turn';
  }
}

/** The notebook's shortcuts are single keys; what is typed here must not delete or run a cell. */
function keepKeys(event: KeyboardEvent): void {
  const command = event.ctrlKey || event.metaKey || event.altKey;
  if (!command || event.key === 'Enter') event.stopPropagation();
}

export default {
  render({ model, el }: { model: ConstructorParameters<typeof Channel>[0]; el: HTMLElement }): () => void {
    const view = new RunView(model, el);
    return () => view.close();
  },
};
