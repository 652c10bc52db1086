// A detector in a worker. After a failure there is a new worker, which opens the same model.
import {Refusal} from './refusal.js';

const MISSING = 'Its scripts or ONNX Runtime Web cannot be loaded. Write the page again.';

export class Detector {
  constructor(format) {
    this.format = format;
    this.model = null; // file and name of the last one that could be opened
    this.worker = null;
  }

  // Open a model; what is wrong with it is told by an error, and the one before stays.
  async open(file, name) {
    const about = await this.#ask({job: 'open', file, name, format: this.format});
    this.model = {file, name};
    return about;
  }

  async detect(file) {
    if (!this.worker) await this.open(this.model.file, this.model.name);
    return this.#ask({job: 'detect', file});
  }

  async #ask(what) {
    this.worker ??= new Worker(new URL('worker.js', import.meta.url), {type: 'module'});
    const {answer, error, refused} = await new Promise((resolve) => {
      this.worker.onmessage = ({data}) => resolve(data);
      this.worker.onerror = (event) => resolve({error: event.message || MISSING});
      this.worker.postMessage(what);
    });
    if (error === undefined) return answer;
    if (refused) throw new Refusal(error);
    this.worker.terminate(); // what is left of its memory is not to be trusted
    this.worker = null;
    throw new Error(`The detector failed at this. ${error}`);
  }
}
