"""KServe's Python model server with an XGBoost model as its xgbserver has it (which is in no registry): kserve_server.py MODEL PORT GRPC_PORT"""
import sys

import xgboost
from kserve import Model, ModelServer
from kserve.utils.utils import get_predict_input, get_predict_response


class Booster(Model):
    def __init__(self, name, path):
        super().__init__(name)
        self.booster = xgboost.Booster(params={"nthread": 1}, model_file=path)
        self.ready = True

    def predict(self, payload, headers=None):
        rows = xgboost.DMatrix(get_predict_input(payload), nthread=1)
        return get_predict_response(payload, self.booster.predict(rows), self.name)


if __name__ == "__main__":
    ModelServer(http_port=int(sys.argv[2]), grpc_port=int(sys.argv[3]), workers=1).start([Booster("bench", sys.argv[1])])
