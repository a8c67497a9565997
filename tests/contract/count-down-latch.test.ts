import { countDownLatchContract, countDownLatchObjects } from "./count-down-latch.contract.js";
import { everywhere } from "./stage.js";

everywhere("CountDownLatch", countDownLatchObjects, countDownLatchContract);
