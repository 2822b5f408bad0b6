# Stanford Cars, 8,144 + 8,041 images.
# Layout: data/stanford_cars/devkit/cars_train_annos.mat and
# cars_test_annos_withlabels.mat; data/stanford_cars/{cars_train,cars_test}.
_base_ = './transfer_224.py'

num_classes = 196
data_preprocessor = dict(num_classes=num_classes)

train_dataloader = dict(
    dataset=dict(
        type='StanfordCars', data_root='data/stanford_cars', split='train'))

val_dataloader = dict(
    dataset=dict(
        type='StanfordCars', data_root='data/stanford_cars', split='test'))

test_dataloader = val_dataloader
