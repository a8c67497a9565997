import { testModels } from "./everyday.js";
import { models } from "./card.model.js";

testModels(models);
